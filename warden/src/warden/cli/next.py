"""``warden next``: everything that is left to do."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal, wiring_ssh
from warden.cli.clock import now
from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.core.errors import Exit, Inconclusive, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.catalog import Catalog
    from warden.usecases.next_actions import NextReport


@click.command(name="next")
@click.argument("lane", required=False, shell_complete=complete.lanes)
@click.option("--owner", metavar="REPO", shell_complete=complete.owners, help="Only what this repository has to do.")
@json_option
@click.pass_context
def next_command(ctx: click.Context, /, lane: str | None, owner: str | None, *, as_json: bool) -> int:
    """Show what is left to do: whose turn it is, why, and the command or file that does it.

    Wrong verdicts of proofs, killed operations, rotations and change requests under way, values to rotate, drafts to
    promote, reviews that are due: the most urgent first.

    \b
    Examples:
      warden next
      warden next --owner railiance-platform --json

    \b
    Exit codes:
      0  shown, whatever is left
      1  nothing in the catalog has that owner
      3  OpenBao or a cluster did not answer (what the journal and the files know
         is shown all the same)
    """
    from warden.present.next_actions import next_json, show_next

    platform = wiring.platform_dir(ctx)
    catalog = wiring.catalog(platform)
    found = _look(ctx, platform, catalog, lane or "", owner or "")
    if as_json:
        terminal.document(next_json(found, catalog.lanes))
    else:
        show_next(found, catalog.lanes, owner=owner or "", lane=lane or "")
    for fault in found.faults:
        terminal.error(fault, as_json=as_json)
    return int(Exit.INCONCLUSIVE if found.faults else Exit.DONE)


def _look(ctx: click.Context, platform: str, catalog: "Catalog", lane: str, owner: str) -> "NextReport":
    from warden.usecases.next_actions import NextReport, next_actions

    faults: list[Inconclusive] = []
    try:
        workspace = Workspace.of(ctx)
    except UsageError as unnamed:
        journal, vault, clusters = wiring_journal.journal(platform), None, None
        faults.append(Inconclusive(unnamed.problem, effect=unnamed.effect, hint=unnamed.hint, remedy=unnamed.remedy))
    else:
        journal, vault, clusters = workspace.journal, workspace.vault, workspace.clusters
        terminal.progress(f"asking {workspace.address} …")
    found = next_actions(
        catalog,
        vault,
        clusters,
        journal,
        requests=wiring_files.every_request(platform, catalog),
        clock=now,
        inventory=wiring_ssh.read(platform),
        lane=lane,
        owner=owner,
    )
    terminal.progress_done()
    return NextReport(actions=found.actions, faults=(*found.faults, *faults))
