"""``warden reactivate``: open a closed lane again, with a fresh proof."""

import click

from warden.cli import complete
from warden.cli.closing import confirm, probe_tools
from warden.cli.context import Workspace
from warden.cli.options import (
    audit_options,
    certificate_option,
    json_option,
    reason_option,
    take_over_option,
    yes_option,
)
from warden.cli.reason import required_reason
from warden.core.errors import WardenError
from warden.core.plans.lane_plan import LaneOptions
from warden.present import terminal


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@reason_option
@audit_options
@certificate_option
@take_over_option
@yes_option
@json_option
@click.pass_context
def reactivate(
    ctx: click.Context,
    /,
    *,
    lane: str,
    reason: str,
    files: tuple[str, ...],
    audit_command: str | None,
    certificates: tuple[str, ...],
    take_over: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Open a closed lane again, if a fresh proof holds: until then warden refuses it, and else it is closed again.

    OpenBao and every cluster become as declared, the lane is proven, and consumers that were stopped are started.

    \b
    Examples:
      warden reactivate openrouter-llm-connect --reason "new key, INC-204 closed"
      warden reactivate openrouter-llm-connect --reason "tenant is back" --json

    \b
    Exit codes:
      1  the proof is refuted, an object has a derived name and no mark of warden,
         or the lane's file has errors
      3  the proof is inconclusive, or OpenBao did not answer
      5  the lane is not closed, needs a new value first, or another operation is
         running
    """
    from warden.present import deactivation
    from warden.usecases.reactivate import reactivate as reopen
    from warden.usecases.steps.closing_lane import planned

    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    why = required_reason(reason)
    context = workspace.reading_context
    confirm(lane, found, "open", yes=yes, steps=planned("reactivate", found, context), quiet=as_json or yes)
    tools = probe_tools(workspace, files, audit_command, certificates)
    terminal.progress(f"opening and proving {lane} …")
    done = reopen(found, why, context, LaneOptions(take_over=take_over, yes=yes), tools)
    terminal.progress_done()
    if as_json:
        where = "" if isinstance(tools.audit, WardenError) else tools.audit.where
        terminal.document(deactivation.opening_json(found, done, where))
    else:
        deactivation.show_opening(found, done)
    return int(done.exit)
