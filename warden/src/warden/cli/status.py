"""``warden status``: every lane at a glance."""

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from warden.cli import complete, wiring, wiring_journal
from warden.cli.clock import now
from warden.cli.context import Workspace
from warden.core.errors import Exit, Inconclusive, UsageError, WardenError
from warden.present import terminal
from warden.present.status import show_status, status_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.lanes.catalog import LeftOut
    from warden.core.lifecycle.lane_status import LaneStatus
    from warden.core.ssh.emergency import Emergency
    from warden.usecases.orphans import Orphans


@click.command()
@click.argument("lane", required=False, shell_complete=complete.lanes)
@click.option("--all", "every", is_flag=True, help="Include drafts.")
@click.option("--json", "as_json", is_flag=True, help="Print a list, one object for each lane.")
@click.pass_context
def status(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool) -> int:
    """Show how each lane stands: custody, access, delivery, proof, rotation, and whose turn it is.

    \b
    Examples:
      warden status
      warden status openrouter-llm-connect --json

    Exit codes: 0 shown; 3 OpenBao or a cluster did not answer (what the journal knows is shown all the same).
    """
    from warden.cli import wiring_ssh
    from warden.cli.chosen import unusable
    from warden.usecases.orphans import Orphans, orphans
    from warden.usecases.status import status as observe
    from warden.usecases.steps.emergencies import waiting_emergencies

    platform = wiring.platform_dir(ctx)
    catalog = wiring.catalog(platform)
    counts_for = catalog.platform.counts_for
    listed = [each for each in catalog.lanes.values() if every or each.status == "active"]
    lanes = [catalog.lane(lane)] if lane else listed
    faults: list[WardenError] = []
    left_behind, left_out = Orphans(), () if lane else (*catalog.left_out, *unusable(wiring_ssh.read(platform)))
    emergencies = [] if lane else waiting_emergencies(wiring_journal.journal(platform, asks=False))
    try:
        workspace = Workspace.of(ctx)
    except UsageError as without_address:
        report = observe(lanes, None, None, wiring_journal.journal(platform), now, counts_for=counts_for)
        unnamed = without_address
        faults.append(Inconclusive(unnamed.problem, effect=unnamed.effect, hint=unnamed.hint, remedy=unnamed.remedy))
    else:
        clusters = sorted({name for each in lanes for name in each.deliveries if name in workspace.clusters.declared})
        terminal.progress(f"asking {', '.join((workspace.address, *clusters))} …")
        report = observe(lanes, workspace.vault, workspace.clusters, workspace.journal, now, counts_for=counts_for)
        left_behind = orphans(workspace.context) if not lane and not report.faults else left_behind
        terminal.progress_done()
        faults += report.faults
    others = _Others(emergencies, left_behind, left_out)
    if as_json:
        terminal.document([*status_json(report.lanes), *others.as_json()])
    else:
        others.show_urgent()
        show_status(report.lanes, drafts=bool(catalog.lanes))
        others.show(report.lanes)
    for fault in faults:
        terminal.error(fault, as_json=as_json)
    return int(Exit.INCONCLUSIVE if faults else Exit.DONE)


class _Others(NamedTuple):
    """What is shown beside the lanes."""

    emergencies: "Sequence[Emergency]"
    orphans: "Orphans"
    left_out: "Sequence[LeftOut]"

    def as_json(self) -> list[dict[str, Any]]:
        from warden.present.catalog import left_out_json
        from warden.present.emergency import emergencies_json
        from warden.present.orphans import orphans_json

        return [*emergencies_json(self.emergencies), *map(left_out_json, self.left_out), *orphans_json(self.orphans)]

    def show_urgent(self) -> None:
        from warden.present.emergency import show_emergencies

        show_emergencies(self.emergencies)

    def show(self, lanes: "Sequence[LaneStatus]") -> None:
        from warden.present.catalog import show_left_out
        from warden.present.interrupted import show_interrupted
        from warden.present.orphans import MOST, show_orphans

        show_interrupted(lanes)
        show_orphans(self.orphans, most=MOST)
        show_left_out(self.left_out)
