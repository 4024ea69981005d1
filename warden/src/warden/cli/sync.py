"""``warden sync``: refresh a lane's deliveries now."""

import click

from warden.cli import complete
from warden.cli.context import Workspace
from warden.cli.options import cluster_option, json_option
from warden.core.plans.lane_plan import LaneOptions
from warden.present import terminal


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@cluster_option
@click.option("--timeout", default=20, show_default=True, type=click.IntRange(1, 600), help="Seconds for each cluster.")
@json_option
@click.pass_context
def sync(ctx: click.Context, /, *, lane: str, clusters: tuple[str, ...], timeout: int, as_json: bool) -> int:
    """Force a refresh of every delivery of a lane now, and wait until each has followed.

    This shows that each cluster was refreshed; `warden prove` shows that the right value arrived.

    \b
    Examples:
      warden sync openrouter-llm-connect
      warden sync openrouter-llm-connect --cluster coulombcore --json

    \b
    Exit codes:
      0  refreshed everywhere
      1  a refresh failed
      3  a system did not answer
      4  denied
      5  the lane is closed
    """
    from warden.present.refreshes import show_sync, sync_json
    from warden.usecases.sync import sync as refresh_lane

    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    terminal.progress(f"refreshing {', '.join(clusters or found.deliveries) or lane} …")
    done = refresh_lane(found, workspace.context, LaneOptions(clusters=clusters), patience=timeout)
    terminal.progress_done()
    if as_json:
        terminal.document(sync_json(done))
    else:
        show_sync(done)
    return int(done.exit)
