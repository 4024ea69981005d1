"""``warden apply``: make OpenBao and the clusters what a lane declares."""

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from warden.cli import complete
from warden.cli.chosen import chosen
from warden.cli.context import Workspace
from warden.cli.options import (
    all_option,
    cluster_option,
    custody_option,
    json_option,
    namespace_option,
    take_over_option,
    yes_option,
)
from warden.cli.unused import expect_one_part, expect_used
from warden.core.changes.errors import NotApproved
from warden.core.errors import Effect, Exit, UsageError, WardenError
from warden.core.openbao.ssh_roles import SshResources
from warden.core.plans.lane_plan import LaneOptions, LaneReceipt, NotAgreed, consent_key, worst
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.lanes.catalog import LeftOut
    from warden.usecases.apply_all import Applications, Applied


@click.command()
@click.argument("lane", metavar="[LANE|ACTOR|HOST]", required=False, shell_complete=complete.whatever_is_applied)
@all_option
@take_over_option
@yes_option
@cluster_option
@custody_option
@namespace_option
@json_option
@click.pass_context
def apply(
    ctx: click.Context,
    /,
    *,
    lane: str | None,
    every: bool,
    take_over: bool,
    yes: bool,
    clusters: tuple[str, ...],
    custody_only: bool,
    create_namespace: bool,
    as_json: bool,
) -> int:
    """Make OpenBao and the clusters what a lane, or an SSH actor or host, declares. Safe to run as often as you like.

    In OpenBao: mount, marks, policy, roles. In each cluster: the reader's account, the store, the ExternalSecret.
    Of an SSH actor or host: the SSH engine, its CA key, the SSH role, the policy, the logins of its identities.

    \b
    Examples:
      warden apply openrouter-llm-connect
      warden apply agt-triage
      warden apply --all

    It changes only objects that it derived and marked. What takes access from anybody is shown first and needs
    --yes, or the lane's id typed. If it is interrupted, run it again. A lane that says protected: is changed only
    under a change request that was approved for exactly this plan (warden change --help).

    Exit codes: 1 an object is not ours, or a lane was left out; 3 a system did not answer; 4 denied, or not
    approved; 5 another operation is running.
    """
    expect_one_part(clusters, custody_only=custody_only)
    workspace = Workspace.of(ctx)
    options = LaneOptions(
        clusters=clusters,
        custody_only=custody_only,
        create_namespace=create_namespace,
        take_over=take_over,
        yes=yes,
    )
    lanes, actors, left_out = chosen(workspace, lane, every=every, clusters=clusters)
    if not lanes and not every:
        expect_used(ctx, "a lane", "clusters", "custody_only", "create_namespace")
    with workspace.context.alone("warden apply"):
        found = _applied([*lanes, *actors], workspace, options)
    _present(found, left_out, every=every, as_json=as_json)
    if found.stopped is not None:
        _explain(found.stopped, as_json=as_json)
        raise found.stopped
    return int(worst([*(each.exit for each in found.done), *([Exit.NO] if left_out else [])]))


def _explain(stopped: WardenError, *, as_json: bool) -> None:
    """What differs from what was approved."""
    if isinstance(stopped, NotApproved) and not as_json:
        from warden.present.changes import show_difference

        show_difference(stopped.problem.problems)


def _applied(wanted: "Sequence[Applied]", workspace: Workspace, options: LaneOptions) -> "Applications":
    """Apply; on a terminal, ask once about what would be removed or taken over, and go on where it was left."""
    from warden.usecases.apply_all import apply_all

    terminal.progress(f"applying {', '.join(map(name_of, wanted))} …")
    found = apply_all(wanted, workspace.context, options)
    terminal.progress_done()
    if not isinstance(found.stopped, NotAgreed) or not sys.stdin.isatty():
        return found
    rest = wanted[len(found.done) :]
    more = _applied(rest, workspace, _agreed(found.stopped, options))
    return msgspec.structs.replace(more, done=(*found.done, *more.done))


def name_of(each: "Applied") -> str:
    """The lane's id, or the name of the actor or host."""
    return each.subject if isinstance(each, SshResources) else each.id


def _agreed(needed: NotAgreed, options: LaneOptions) -> LaneOptions:
    """The options with what was just agreed to. Raises `UsageError` for any answer but the name."""
    from warden.present import plans

    lane, changes = needed.problem.lane, needed.problem.changes
    for change in changes:
        plans.show_change(change)
    if click.prompt(terminal.question(f"Type {lane} to take away this access, or take these over"), err=True) != lane:
        raise UsageError(f"the answer was not {lane}", effect=Effect.NOTHING_CHANGED, subject=lane)
    agreed = options.agreed | frozenset(map(consent_key, changes))
    return msgspec.structs.replace(options, agreed=agreed)


def _present(found: "Applications", left_out: "Sequence[LeftOut]", *, every: bool, as_json: bool) -> None:
    from warden.present import catalog, plans

    receipts = [each for each in found.done if isinstance(each, LaneReceipt)]
    for each in found.done:
        if isinstance(each, WardenError):
            terminal.error(each, as_json=as_json)
        elif as_json:
            for part in each.unreached:
                terminal.error(part.fault, as_json=True)
        else:
            plans.show_receipt(each)
    if as_json and (receipts or found.stopped is None):
        documents = [*map(plans.receipt_json, receipts), *map(catalog.left_out_json, left_out)]
        terminal.document(documents[0] if not every and documents and found.stopped is None else documents)
    if not as_json:
        catalog.show_left_out(left_out)
