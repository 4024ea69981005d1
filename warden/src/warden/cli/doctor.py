"""``warden doctor``: what is there and what is missing, of any OpenBao."""

import re
from typing import TYPE_CHECKING, Any, cast

import click
import msgspec

from warden.cli import wiring
from warden.cli.context import clusters_of
from warden.core.errors import Exit, UsageError
from warden.core.openbao.rights import VERBS, Right, Scope, Verb, policy_text
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.findings import Finding
    from warden.usecases.doctor import Diagnosis, Reach

_INDENT = 25
_WORDS = {"ok": ("ok", "ok"), "missing": ("MISSING", "bad"), "soon": ("SOON", "warn"), "unknown": ("??", "warn")}


_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\*?", re.ASCII)


def _path(_context: click.Context, option: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """What goes into a policy's path: nothing that would end it, or the stanza."""
    for each in (value,) if isinstance(value, str) else value:
        if not _PATH.fullmatch(each):
            raise UsageError(
                f"{option.opts[0]} is no name of a mount or policy: {each!r}. Nothing was asked.",
                hint="letters, digits and . _ - /, and a * at the end",
            )
    return value


@click.command()
@click.option("--policy", type=click.Choice(VERBS), help="Print the least-rights policy of a verb, and ask nobody.")
@click.option("--for", "verbs", multiple=True, type=click.Choice(VERBS), help="Only these verbs (default: all).")
@click.option("--kv", default="platform", show_default=True, callback=_path, help="The KV v2 mount of the lanes.")
@click.option(
    "--auth",
    multiple=True,
    default=("kubernetes", "netkingdom"),
    show_default=True,
    callback=_path,
    help="An auth mount that readers log in at; may be repeated.",
)
@click.option(
    "--policies", default="workload-*", show_default=True, callback=_path, help="The names of the lanes' policies."
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.pass_context
def doctor(
    ctx: click.Context,
    *,
    policy: str | None,
    verbs: tuple[str, ...],
    kv: str,
    auth: tuple[str, ...],
    policies: str,
    as_json: bool,
) -> Exit:
    """Say what is there and what is missing: server, identity, audit lines, journal, and the rights for each verb.

    \b
    Examples:
      warden doctor --for plan --for prove
      warden doctor --policy put | bao policy write warden-put -
    \b
    Exit codes: 1 something is missing, 3 OpenBao does not answer or is sealed.
    """
    scope = Scope(kv=kv, auth=auth, policies=policies)
    if policy is not None:
        _print_policy(cast("Verb", policy), scope, as_json=as_json)
        return Exit.DONE
    from warden.usecases import doctor as verb

    vault = wiring.openbao()
    chosen = cast("Sequence[Verb]", verbs or VERBS)
    found = verb.doctor(vault, wiring.surroundings(ctx, vault.endpoint, clusters_of), scope, chosen)
    if as_json:
        terminal.document(_document(found))
    else:
        _print(found)
    return found.exit


def _print_policy(verb: Verb, scope: Scope, *, as_json: bool) -> None:
    text = policy_text(verb, scope, extras=verb == "doctor")
    if as_json:
        terminal.document({"name": f"warden-{verb}", "policy": text})
    else:
        for each in text.splitlines():
            terminal.line(each)


def _document(found: "Diagnosis") -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(found)
    body["exit"] = int(found.exit)
    body["reaches"] = [
        {**msgspec.to_builtins(reach), "ok": reach.asked and not reach.lacking} for reach in found.reaches
    ]
    return body


def _print(found: "Diagnosis") -> None:
    terminal.line(f"OpenBao {found.address} ({found.source})")
    for finding in found.findings:
        for each in _finding(finding):
            terminal.line(each)
    if not any(reach.asked for reach in found.reaches):
        return terminal.note("Rights were not asked for: settle what is missing above, then: warden doctor")
    terminal.line()
    terminal.table(("VERB", "MAY", "PATH", "LACKS"), [row for reach in found.reaches for row in _rows(reach)])
    wanting = [reach for reach in found.reaches if reach.hint]
    if wanting:
        terminal.note("Next, as an administrator, then give the policies to whoever is to have them:")
    for reach in wanting:
        terminal.note(f"  {reach.hint} | bao policy write warden-{reach.verb} -")
    return None


def _finding(finding: "Finding") -> list[str]:
    word, style = _WORDS[finding.verdict]
    lines = [*_wrapped(finding.text), *(_wrapped(finding.hint) if finding.hint else [])]
    first = f"  {terminal.styled(f'{word:<8}', style)} {finding.about:<13} {lines[0]}"
    return [first, *(" " * _INDENT + each for each in lines[1:])]


def _wrapped(text: str) -> list[str]:
    """The text in lines that fit the terminal beside the names; whole where it is piped."""
    columns = terminal.width()
    if not columns:
        return [text]
    import textwrap

    return textwrap.wrap(text, columns - _INDENT, break_long_words=False, break_on_hyphens=False)


def _rows(reach: "Reach") -> list[tuple[str, str, str, str]]:
    if not reach.asked:
        return [(reach.verb, "??", "not asked", "")]
    may = "NO" if reach.lacking else "ok"
    if not reach.missing:
        return [(reach.verb, may, "", "")]
    heads = [(reach.verb, may), *[("", "")] * (len(reach.missing) - 1)]
    return [(*head, *_lack(right)) for head, right in zip(heads, reach.missing, strict=True)]


def _lack(right: Right) -> tuple[str, str]:
    return right.path, f"{', '.join(right.capabilities)}{' (optional)' if right.optional else ''}"
