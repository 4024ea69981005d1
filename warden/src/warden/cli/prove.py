"""``warden prove``: who may read a lane and who may not, shown live with the audit line beside each answer.

The name of an actor is proven by `prove_actor`.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from warden.cli import complete, prove_actor, wiring
from warden.cli.context import Workspace
from warden.cli.options import audit_options, certificate_option, cluster_option, custody_option
from warden.cli.unused import expect_one_part
from warden.core.errors import Effect, Exit, UsageError
from warden.core.inventory.inventory import Inventory
from warden.core.lanes.lane import Lane
from warden.core.plans.lane_plan import worst
from warden.core.proofs.verdict import Proof
from warden.core.remedies import warden
from warden.present import catalog, login_proofs, proofs, terminal

if TYPE_CHECKING:
    from warden.ports.audit_log import AuditLog

_EXITS = {"proven": Exit.DONE, "inconclusive": Exit.INCONCLUSIVE, "refuted": Exit.NO}


@click.command()
@click.argument("lane", metavar="[LANE|ACTOR]", required=False, shell_complete=complete.lanes_and_actors)
@click.option("--all", "every", is_flag=True, help="Every lane that is active and not closed, and every actor.")
@audit_options
@cluster_option
@custody_option
@certificate_option
@click.option(
    "--inspect", is_flag=True, help="Have a reader fetch the value into memory, judge its form, and forget it."
)
@click.option("--jobs", default=4, show_default=True, type=click.IntRange(1, 32), help="Lanes that are proven at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the proof as one JSON document.")
@prove_actor.host_options
@click.pass_context
def prove(ctx: click.Context, /, lane: str | None, *, every: bool, as_json: bool, **options: Any) -> int:
    """Prove live who may read a lane and who may not, and that each cluster gets what OpenBao holds.

    Nothing is changed. Each delivery is refreshed now. A value leaves OpenBao only for where it is delivered, or,
    with --inspect, for the memory of this process.

    \b
    Examples:
      warden prove openrouter-llm-connect
      warden prove --all --audit-command "ssh bao-1 cat /var/log/audit.log"
      warden prove agt-triage

    An actor of the inventory is proven at a throw-away sshd: its certificate logs in, others are refused.

    With --all, a lane or an actor for people that lacks only what they can show ("needs a member", "needs a person")
    does not fail.

    \b
    ok    as expected
    FAIL  the answer was wrong
    ??    inconclusive, which is never a pass

    Exit codes: 0 proven; 1 refuted; 3 inconclusive; 4 no accepted token; 5 the lane is closed.
    """
    expect_one_part(options["clusters"], custody_only=options["custody_only"])
    if not every and (named := prove_actor.actors_named(ctx, lane)):
        return prove_actor.prove_named(Workspace.of(ctx), named, options, as_json=as_json, single=lane in named.names)
    prove_actor.expect_no_host(options)
    workspace = Workspace.of(ctx)
    chosen, left_out = workspace.chosen(lane, every=every, clusters=options["clusters"])
    lanes = _open_lanes(workspace, chosen, every=every)
    audit = workspace.audit(options["files"], options["audit_command"]) if lanes else None
    found = _proven(workspace, lanes, audit, options) if audit else []
    logins = prove_actor.of_everybody(workspace, options) if every else prove_actor.Everybody([], ())
    left_out = (*left_out, *logins.left_out)
    if as_json:
        shown = proofs.proofs_json(lanes, found, audit.where) if audit else []
        more = [*map(catalog.left_out_json, left_out), *map(login_proofs.proof_json, logins.found)]
        terminal.document([*shown, *more] if every else shown[0])
    else:
        _show(lanes, found, brief=every, chosen=options["custody_only"] or bool(options["clusters"]))
        prove_actor.show(logins.found, brief=True)
        catalog.show_left_out(left_out)
    exits = [*_exits(found, every=every), *prove_actor.exits(logins.found, every=True)]
    exits += [Exit.NO] if left_out else []
    if logins.stopped:
        terminal.error(logins.stopped, as_json=as_json)
        exits.append(logins.stopped.exit)
    return int(worst(exits))


def _proven(workspace: Workspace, lanes: list[Lane], audit: "AuditLog", given: dict[str, Any]) -> list[Proof]:
    from warden.usecases import prove as usecase

    options = usecase.ProveOptions(
        run=f"wp-{secrets.token_hex(6)}",
        clusters=given["clusters"],
        custody_only=given["custody_only"],
        own=wiring.own_credentials(given["certificates"]),
        inspect=given["inspect"],
        workers=given["jobs"],
    )
    by_mount = {} if options.custody_only else workspace.clusters.by_mount()
    identities = wiring.identities(workspace.address, by_mount)
    terminal.progress(f"asking {workspace.address} about {len(lanes)} lane{'s' * (len(lanes) > 1)} …")
    found = usecase.prove(lanes, workspace.reading_context, identities, audit, options)
    terminal.progress_done()
    return found


def _show(lanes: Sequence[Lane], found: Sequence[Proof], *, brief: bool, chosen: bool) -> None:
    for each, proof in zip(lanes, found, strict=True):
        proofs.show_proof(each, proof, brief=brief)
        proofs.show_scope(each, proof, chosen=chosen)
    proofs.show_tally(found)


def _exits(found: Sequence[Proof], *, every: bool) -> list[Exit]:
    """Of several lanes, one that lacks nothing but what a member can show does not fail."""
    return [Exit.DONE if every and proof.lacks_members_only else _EXITS[proof.state] for proof in found]


def _open_lanes(workspace: Workspace, lanes: list[Lane], *, every: bool) -> list[Lane]:
    """With --all the lanes that are not closed; a lane that was named is left to the use case, which refuses it.

    Raises `UsageError` where there is none, and no inventory that could have an actor to prove.
    """
    found = [lane for lane in lanes if not every or not workspace.is_closed(lane)]
    if not found and isinstance(inventory := workspace.inventory, Inventory) and not inventory.actors:
        raise UsageError(
            "no lane is active and open", effect=Effect.NOTHING_ASKED, remedy=(warden("route list", all=True),)
        )
    return found
