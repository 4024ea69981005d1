"""``warden prove``: who may read a lane and who may not, shown live with the audit line beside each answer."""

import itertools
import secrets
from typing import TYPE_CHECKING, Any

import click
import msgspec

from warden.cli import wiring
from warden.cli.context import Workspace
from warden.cli.options import audit_options, cluster_option, custody_option
from warden.core.errors import Exit, UsageError
from warden.core.lanes.lane import Lane
from warden.core.proofs.overwrite_check import HEALED
from warden.core.proofs.probes import left_unplayed
from warden.core.proofs.proof import Proof, Verdict
from warden.present import plans, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from warden.usecases.prove import Setting
    from warden.usecases.prove_delivery import Ground

TITLE = 50
"""Columns of a verdict's title, so that the whole line fits 100."""

FOLDED = 2
"""How many more verdicts there have to be for the same reason before they are told as one."""

CODES = {"proven": Exit.DONE, "refuted": Exit.NO, "inconclusive": Exit.INCONCLUSIVE}


@click.command()
@click.argument("lane", required=False)
@click.option("--all", "every", is_flag=True, help="Every lane that is active and not closed.")
@audit_options
@cluster_option
@custody_option
@click.option("--jobs", default=4, show_default=True, type=click.IntRange(1, 32), help="Lanes that are proven at once.")
@click.option("--json", "as_json", is_flag=True, help="The proof as one JSON document.")
@click.pass_context
def prove(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool, **how: Any) -> int:
    """Prove live who may read a lane and who may not, and that each cluster gets what OpenBao holds.

    Nothing is changed, and no value leaves OpenBao but to where it is delivered. Each delivery is refreshed now.

    \b
    Examples:
      warden prove openrouter-llm-connect
      warden prove --all --audit-command "ssh bao-1 cat /var/log/openbao/audit.log"
    \b
    ok: as it should be. FAIL: the answer was wrong. ??: inconclusive, which is never a pass.
    Exit codes: 0 proven, 1 refuted, 3 inconclusive, 4 no accepted token, 5 the lane is closed.
    """
    from warden.usecases.prove import Setting
    from warden.usecases.prove import prove as run

    bench = Workspace.of(ctx)
    lanes = _open(bench.chosen(lane, every=every), bench, every=every)
    clusters = {} if how["custody_only"] else bench.clusters.by_mount()
    setting = Setting(
        lanes=tuple(bench.lanes.values()),
        vaults=bench.another_vault,
        identities=wiring.identities(bench.address, clusters),
        journal=bench.journal,
        audit=bench.audit(how["files"], how["audit_command"]),
        run=f"wp-{secrets.token_hex(6)}",
        logins=bench.catalog.platform.logins,
        closed=bench.closed,
        workers=how["jobs"],
        ground=None if how["custody_only"] else _ground(bench, lanes, how["clusters"]),
        unplayed=bench.clusters.mounts if how["custody_only"] else frozenset(),
    )
    terminal.progress(f"asking {bench.address} about {len(lanes)} lane{'s' * (len(lanes) > 1)} …")
    proofs = run(lanes, setting)
    terminal.progress_done()
    if as_json:
        both = zip(lanes, proofs, strict=True)
        shown = [_as_json(each, proof, bench, setting) for each, proof in both]
        terminal.document(shown if every else shown[0])
    else:
        for each, proof in zip(lanes, proofs, strict=True):
            _show(each, proof, brief=every)
            if proof.scope != "lane":
                _show_scope(each, proof, bench, how)
    return int(max((CODES[proof.state] for proof in proofs), key=[Exit.DONE, Exit.INCONCLUSIVE, Exit.NO].index))


def _ground(bench: Workspace, lanes: list[Lane], only: tuple[str, ...]) -> "Ground":
    from warden.cli.context import ground

    if len(lanes) == 1:
        bench.clusters.targets(
            lanes[0], only
        )  # a name that is no delivery of the lane is told before anything is asked
    return ground(bench, lanes, only)


def _open(lanes: list[Lane], bench: Workspace, *, every: bool) -> list[Lane]:
    """With --all the lanes that are not closed; a lane that was named is left to the verb, which says that it is."""
    kept = [lane for lane in lanes if not every or lane.id not in bench.closed]
    if not kept:
        raise UsageError("no lane is active and open. Nothing was asked.", hint="warden route list --all")
    return kept


def _as_json(lane: Lane, proof: Proof, bench: Workspace, setting: "Setting") -> dict[str, Any]:
    return {
        "lane": proof.lane,
        "state": proof.state,
        "passed": proof.passed,
        "failed": proof.failed,
        "inconclusive": proof.open,
        "total": len(proof.verdicts),
        "system": bench.address,
        "audit_log": setting.audit.where,
        "journal": proof.record,
        "scope": proof.scope,
        "unplayed": left_unplayed(lane, setting.unplayed),
        "verdicts": [terminal.plain(verdict) | {"owner": owner_of(lane, verdict)} for verdict in proof.verdicts],
    }


def _show(lane: Lane, proof: Proof, *, brief: bool) -> None:
    shown = [each for each in proof.verdicts if each.word != "ok" or each.probe == HEALED] if brief else proof.verdicts
    if brief:
        terminal.line(terminal.styled(lane.id, "head"))
    for label in dict.fromkeys(verdict.reader for verdict in shown):
        if not brief:
            terminal.heading(*_heading(lane, label))
        said = ""
        for verdict in _folded([each for each in shown if each.reader == label]):
            _show_verdict(lane, verdict, said_before=said)
            said = verdict.detail
    terminal.line(_conclusion(proof))


def _folded(verdicts: "Sequence[Verdict]") -> "Iterator[Verdict]":
    """The verdicts, where many stay open for one reason as one with their count: a gone role would fill the screen."""
    for _, group in itertools.groupby(verdicts, _reason):
        first, *more = group
        if len(more) < FOLDED:
            yield from (first, *more)
        else:
            yield msgspec.structs.replace(first, title=f"{first.title}, and {len(more)} more")


def _reason(verdict: Verdict) -> object:
    """What verdicts have in common that may be told once; one with an answer of its own has it with no other."""
    own = verdict.word != "??" or not verdict.detail or verdict.audit or verdict.status or verdict.mend
    return id(verdict) if own else (verdict.observed, verdict.detail)


def _show_scope(lane: Lane, proof: Proof, bench: Workspace, how: "Mapping[str, Any]") -> None:
    what = "custody alone" if proof.scope == "custody" else "some of its deliveries"
    if how["custody_only"] and (unplayed := left_unplayed(lane, bench.clusters.mounts)):
        terminal.sentence(
            f"This is of custody alone, as was asked for: nobody was played as {', '.join(unplayed)} or as a stranger, "
            f"since a cluster makes the tokens; the whole: warden prove {lane.id}"
        )
        return
    if how["custody_only"] or how["clusters"]:
        terminal.sentence(f"This is of {what}, as was asked for; the whole: warden prove {lane.id}")
        return
    terminal.line(f"This is of {what}:")
    plans.show_remains(bench.context.undelivered(lane), (), ())


def _heading(lane: Lane, label: str) -> tuple[str, str]:
    for reader in lane.readers:
        if reader.label == label:
            return f"reader {label}", f"auth/{reader.mount} role {lane.role_of(reader)}"
    if label.startswith("delivery "):
        delivery = lane.deliveries[label.removeprefix("delivery ")]
        how = "ExternalSecret" if delivery.external_secret else "Secret made by hand"
        return label, f"{how} {delivery.secret}"
    return f"lane {lane.id}", lane.custody.path


def _show_verdict(lane: Lane, verdict: Verdict, *, said_before: str) -> None:
    """One verdict; a reason that the one above it has given is not said again."""
    style = {"ok": "ok", "FAIL": "bad", "??": "warn"}[verdict.word]
    wide = terminal.width() in {0, 100}
    evidence = f"audit {verdict.audit[:8]}" if verdict.audit else " " * 14 if verdict.ms else ""
    took = f"  {verdict.ms:>4.0f} ms" if (verdict.ms or verdict.status) and wide else ""
    title = terminal.fit(verdict.title, terminal.width() - 39) if not wide else f"{verdict.title:<{TITLE}}"
    line = f"{title} {verdict.observed:<11} {verdict.status or '':<4} {evidence}{took}"
    terminal.line(f"  {terminal.styled(f'{verdict.word:<4}', style)} {line}".rstrip())
    if verdict.word != "FAIL" and verdict.detail in {"", said_before}:
        return
    expected = verdict.word == "FAIL" and verdict.expected != "as declared"
    detail = f"expected {verdict.expected}: {verdict.detail}" if expected else verdict.detail
    for part in terminal.wrapped(detail, indent=9):
        terminal.line(part)
    for part in verdict.difference:
        terminal.line(f"           {part}")
    if verdict.mend:
        for part in terminal.joined(f"owner {owner_of(lane, verdict)}", verdict.mend, indent=9):
            terminal.line(part)


def owner_of(lane: Lane, verdict: Verdict) -> str:
    """Whose turn it is: the owner of the stretch that the verdict is about."""
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    return (owners[verdict.stretch] or lane.owners.custody).repo


def _conclusion(proof: Proof) -> str:
    total = len(proof.verdicts)
    asked = [verdict for verdict in proof.verdicts if verdict.status or verdict.audit]
    lines = sum(bool(verdict.audit) for verdict in asked)
    word = terminal.styled(proof.state, {"proven": "ok", "refuted": "bad", "inconclusive": "warn"}[proof.state])
    counts: Iterable[str] = filter(
        None,
        (
            f"{proof.failed} of {total} wrong" if proof.failed else "",
            f"{proof.open} of {total} inconclusive" if proof.open else "",
            f"{proof.passed} of {total} as it should be" if proof.state == "proven" else "",
        ),
    )
    return f"{word}: {', '.join(counts)} · evidence {lines}/{len(asked)} audit lines · journal {proof.record}"
