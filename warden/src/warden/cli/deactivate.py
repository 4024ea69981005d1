"""``warden deactivate``: close a lane for everyone."""

from typing import Any

import click

from warden.cli import complete, wiring, wiring_journal
from warden.cli.closing import confirm, probe_tools, started
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
from warden.core.errors import Invalid, NotFound, WardenError
from warden.present import terminal


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@reason_option
@click.option(
    "--leaked/--not-leaked",
    default=None,
    help="Whether others may know the value, so that it is reopened with a new one only. "
    "Default: by the words of the reason (leaked, seen in …).",
)
@click.option(
    "--keep-secrets", is_flag=True, help="Leave Secrets and consumers in the clusters; close OpenBao and the journal."
)
@audit_options
@certificate_option
@take_over_option
@yes_option
@json_option
@click.pass_context
def deactivate(
    ctx: click.Context,
    /,
    *,
    lane: str,
    reason: str,
    leaked: bool | None,
    keep_secrets: bool,
    take_over: bool,
    yes: bool,
    as_json: bool,
    **probing: Any,
) -> int:
    """Close a lane: warden and OpenBao refuse it at once, its tokens are revoked, and it is removed from the clusters.

    Each former reader is shown to be denied, with the audit line. The value stays in OpenBao. If OpenBao cannot be
    changed now, it is closed in the journal only: run it again. After a leak: compromise.

    \b
    Examples:
      warden deactivate openrouter-llm-connect --reason "tenant left"
      warden deactivate openrouter-llm-connect --reason "INC-204" --leaked --json

    \b
    Exit codes:
      1  a reader can still read, something in a cluster is not the lane's to
         remove, or the lane's file has errors
      3  closed, but something could not be done or shown; or no answer
      5  another operation is running
    """
    from warden.present import deactivation
    from warden.usecases.deactivate import deactivate as close
    from warden.usecases.steps.closing_lane import ClosingOptions, planned

    why = required_reason(reason)
    try:
        workspace = Workspace.of(ctx)
        found = workspace.lane(lane)
    except WardenError as fault:
        raise closed_in_journal(wiring.platform_dir(ctx), lane, why, fault, leaked=leaked, yes=yes) from None
    context = workspace.reading_context
    steps = planned("deactivate", found, context, keep_secrets=keep_secrets)
    confirm(lane, found, "close", yes=yes, steps=steps, quiet=as_json)
    tools = probe_tools(workspace, **probing)
    options = ClosingOptions(take_over=take_over, keep_secrets=keep_secrets, denial=tools, started=started(yes=yes))
    terminal.progress(f"closing {lane} …")
    done = close(found, why, context, leaked=leaked, options=options)
    terminal.progress_done()
    (deactivation.closing_document if as_json else deactivation.show_closing)(found, done)
    return int(done.exit)


def closed_in_journal(
    platform: str, lane_id: str, reason: str, fault: WardenError, *, leaked: bool | None, yes: bool
) -> WardenError:
    """Close it for warden at least, where its file cannot be used or its OpenBao is not known.

    Raises `UsageError` if the entry is not a lane, `NotFound` if nothing knows the id.
    """
    from warden.usecases.deactivate import deactivate_in_journal

    found, placed = None, False  # of a platform whose own files have faults the name is not known
    try:
        catalog = wiring.catalog(platform)
        placed = True
        found = catalog.lane(lane_id)
    except (Invalid, NotFound):
        journal = wiring_journal.whole_journal(platform)
        if not wiring.has_file(platform, lane_id) and not journal.log(lane=lane_id, last=1):
            raise
    confirm(lane_id, found, "close", yes=yes)
    return deactivate_in_journal(lane_id, reason, wiring_journal.journal(platform, placed=placed), fault, leaked=leaked)
