"""``warden doctor``: what is there and what is missing, on any OpenBao."""

import re
from typing import TYPE_CHECKING, cast

import click

from warden.cli import wiring, wiring_files, wiring_journal
from warden.cli.declared import declared_here, with_declared_mounts
from warden.core.errors import Effect, Exit, UsageError
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import USUAL, VERBS, Verb, policy_text
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*\*?", re.ASCII)


def _path(_context: click.Context, option: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """What goes into a policy's path: nothing that would end it, or the stanza."""
    for each in (value,) if isinstance(value, str) else value:
        if not _PATH.fullmatch(each):
            raise UsageError(
                f"{option.opts[0]}: {each!r} is not the name of a mount or policy",
                effect=Effect.NOTHING_ASKED,
                hint="allowed: letters, digits and . _ - /, and a * at the end",
            )
    return value


@click.command()
@click.option(
    "--policy",
    type=click.Choice(VERBS),
    metavar="COMMAND",
    help=f"Print the least-rights policy of a command; nothing is asked. One of: {', '.join(VERBS)}.",
)
@click.option(
    "--for",
    "verbs",
    multiple=True,
    type=click.Choice(VERBS),
    metavar="COMMAND",
    help="Only these commands. Default: all but rotate, which reads values, approve, and those about SSH.",
)
@click.option("--kv", default="platform", show_default=True, callback=_path, help="The KV v2 mount of the lanes.")
@click.option(
    "--auth",
    multiple=True,
    default=("kubernetes", "netkingdom"),
    show_default=True,
    callback=_path,
    help="An auth mount (kubernetes, jwt, oidc) that readers log in at; may be repeated.",
)
@click.option("--approle", multiple=True, callback=_path, help="An auth mount of type approle; may be repeated.")
@click.option("--cert", multiple=True, callback=_path, help="An auth mount of type cert; may be repeated.")
@click.option("--ssh", multiple=True, callback=_path, help="An SSH engine that signs; may be repeated.")
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
    approle: tuple[str, ...],
    cert: tuple[str, ...],
    ssh: tuple[str, ...],
    policies: str,
    as_json: bool,
) -> Exit:
    """Check the server, your identity, the audit log, the journal, the clusters, and your rights.

    \b
    Examples:
      warden doctor --for plan --for prove
      warden doctor --policy put | bao policy write warden-put -

    \b
    Exit codes:
      1  something is missing
      3  OpenBao does not answer or is sealed
    """
    scope = Scope(kv=kv, auth=auth, approle=approle, cert=cert, ssh=ssh, policies=policies)
    if policy is not None:
        _print_policy(cast("Verb", policy), scope, as_json=as_json)
        return Exit.DONE
    from warden.present.doctor import diagnosis_json, show_diagnosis
    from warden.usecases.doctor import doctor as examine
    from warden.usecases.doctor import without_openbao

    chosen = cast("Sequence[Verb]", verbs or USUAL)
    try:
        wiring_files.enter_environment_if_found(ctx, wiring.at_embedded)
        vault = wiring.openbao()
    except UsageError as fault:
        found = without_openbao(
            fault, wiring.machine(ctx, None, declared_here, wiring_journal.journal_condition), chosen
        )
    else:
        machine = wiring.machine(ctx, vault.endpoint, declared_here, wiring_journal.journal_condition)
        found = examine(vault, machine, with_declared_mounts(scope, machine.platform), chosen)
    if as_json:
        terminal.document(diagnosis_json(found))
    else:
        show_diagnosis(found)
    return found.exit


def _print_policy(verb: Verb, scope: Scope, *, as_json: bool) -> None:
    text = policy_text(verb, scope, extras=verb == "doctor")
    if as_json:
        terminal.document({"name": f"warden-{verb}", "policy": text})
    else:
        for each in text.splitlines():
            terminal.line(each)
