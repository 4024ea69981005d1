"""``warden playbook``: the page that people read of a lane."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal
from warden.cli.clock import now
from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.core.errors import Effect, Exit, UsageError
from warden.core.remedies import warden
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.catalog import Catalog
    from warden.core.lanes.lane import Lane
    from warden.usecases.playbook import PlaybookReport


@click.command()
@click.argument("lane", required=False, shell_complete=complete.lanes)
@click.option("--all", "every", is_flag=True, help="The page of every active lane.")
@click.option("--check", is_flag=True, help="Write nothing; report the lines that are not as they should be.")
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The page, instead of LANE.md in `playbooks` of platform.yaml (default docs/playbooks).",
)
@json_option
@click.pass_context
def playbook(
    ctx: click.Context, /, lane: str | None, file: str | None, *, every: bool, check: bool, as_json: bool
) -> int:
    """Render the page that people read of a lane, from its file, the journal and a look at OpenBao and the clusters.

    A box is ticked only by a proof that counts or by that look. What is written by hand outside the markers stays.

    \b
    Examples:
      warden playbook openrouter-llm-connect
      warden playbook --all --check

    Without BAO_ADDR nothing is looked at, and the journal alone counts.

    \b
    Exit codes:
      1  with --check, a page is stale or missing, or its markers are damaged
      3  OpenBao or a cluster did not answer
    """
    from warden.present.playbook import playbook_json, show_playbooks

    platform = wiring.platform_dir(ctx)
    catalog = wiring.catalog(platform)
    lanes = _chosen(catalog, lane, file, every=every)
    found = _render(ctx, platform, catalog, lanes, file, check=check)
    if as_json:
        terminal.document(playbook_json(found))
    else:
        show_playbooks(found, check=check, every=every)
    for fault in (*found.damaged, *found.faults):
        terminal.error(fault, as_json=as_json)
    if found.damaged:
        return int(found.damaged[0].exit)
    return int(Exit.NO if found.stale else Exit.INCONCLUSIVE if found.faults else Exit.DONE)


def _chosen(catalog: "Catalog", lane: str | None, file: str | None, *, every: bool) -> "list[Lane]":
    if bool(lane) == every:
        raise UsageError("name one lane, or give --all", effect=Effect.NOTHING_DONE, remedy=(warden("route list"),))
    if every and file:
        raise UsageError("--output is one page; name one lane", effect=Effect.NOTHING_DONE)
    if lane:
        return [catalog.lane(lane)]
    return [each for each in catalog.lanes.values() if each.status == "active"]


def _render(
    ctx: click.Context, platform: str, catalog: "Catalog", lanes: "list[Lane]", file: str | None, *, check: bool
) -> "PlaybookReport":
    from warden.present.playbook_page import page
    from warden.usecases.playbook import Playbooks

    declared = catalog.platform.clusters
    pages = wiring_files.playbooks(platform, catalog, file)
    try:
        workspace = Workspace.of(ctx)
    except UsageError:
        journal, vault, clusters = wiring_journal.journal(platform), None, None
    else:
        journal, vault, clusters = workspace.journal, workspace.vault, workspace.clusters
        asked = sorted({name for each in lanes for name in each.deliveries if name in clusters.declared})
        terminal.progress(f"asking {', '.join((workspace.address, *asked))} …")
    render = Playbooks(
        journal,
        now,
        catalog.platform.counts_for,
        lambda each, facts, aged: page(
            each, facts, declared, wiring_files.declared_in(platform, catalog, each.id), aged=aged
        ),
        wiring_files.every_request(platform, catalog),
    )
    found = render.render(lanes, vault, clusters, pages, check=check)
    terminal.progress_done()
    return found
