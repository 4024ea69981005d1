"""``warden deactivate`` and ``warden reactivate``: close a lane for everyone, and open it again."""

import sys
from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_journal
from warden.cli.context import Workspace
from warden.cli.options import json_option, reason_option, take_over_option, yes_option
from warden.cli.reason import journaled_reason
from warden.core.errors import Effect, Exit, Invalid, NotFound, UsageError, WardenError
from warden.core.plans.lane_plan import LaneOptions
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.lane import Lane


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@reason_option
@click.option(
    "--leaked/--not-leaked",
    default=None,
    help="Whether others may know the value, so that it is reopened with a new one only. "
    "Default: by the words of the reason (leaked, seen in …).",
)
@take_over_option
@yes_option
@json_option
@click.pass_context
def deactivate(
    ctx: click.Context, /, *, lane: str, reason: str, leaked: bool | None, take_over: bool, yes: bool, as_json: bool
) -> int:
    """Close a lane: warden refuses it at once, and OpenBao refuses its readers, including tokens issued before.

    \b
    Examples:
      warden deactivate openrouter-llm-connect --reason "key seen in a log, INC-204"
      warden deactivate openrouter-llm-connect --reason "tenant left" --yes --json
    \b
    The value stays in OpenBao, and consumers keep what they have already read.
    If OpenBao cannot be changed now, the lane is closed in the journal only; run the command again.
    \b
    Exit codes:
      1  an object has a derived name and no mark of warden, or the lane's file has errors
      2  OpenBao's address is not known
      3  OpenBao did not answer
      5  another operation is running
    """
    from warden.present import deactivation
    from warden.usecases.deactivate import deactivate as close

    why = _required(reason)
    try:
        workspace = Workspace.of(ctx)
        found = workspace.lane(lane)
    except WardenError as fault:
        raise _closed_in_journal(wiring.platform_dir(ctx), lane, why, fault, leaked=leaked, yes=yes) from None
    _confirm(lane, found, "close", yes=yes)
    done = close(found, why, workspace.context, leaked=leaked, take_over=take_over)
    if as_json:
        terminal.document(deactivation.closing_json(done))
    else:
        deactivation.show_closing(done)
    return int(Exit.DONE)


def _closed_in_journal(
    platform: str, lane_id: str, reason: str, fault: WardenError, *, leaked: bool | None, yes: bool
) -> WardenError:
    """Close it for warden at least, where its file cannot be used or its OpenBao is not known.

    Raises `UsageError` if the entry is not a lane, `NotFound` if nothing knows the id.
    """
    from warden.usecases.deactivate import deactivate_in_journal

    found, place = None, None  # of a platform whose own files have faults the name is not known
    try:
        catalog = wiring.catalog(platform)
        place = platform
        found = catalog.lane(lane_id)
    except (Invalid, NotFound):
        journal = wiring_journal.whole_journal()
        if not wiring.has_file(platform, lane_id) and not journal.log(lane=lane_id, last=1):
            raise
    _confirm(lane_id, found, "close", yes=yes)
    return deactivate_in_journal(lane_id, reason, wiring_journal.journal(place), fault, leaked=leaked)


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@reason_option
@take_over_option
@yes_option
@json_option
@click.pass_context
def reactivate(ctx: click.Context, /, *, lane: str, reason: str, take_over: bool, yes: bool, as_json: bool) -> int:
    """Open a closed lane again: policy and roles as declared, then the journal.

    \b
    Examples:
      warden reactivate openrouter-llm-connect --reason "new key, INC-204 closed"
      warden reactivate openrouter-llm-connect --reason "tenant is back" --yes --json
    \b
    Exit codes:
      1  an object has a derived name and no mark of warden, or the lane's file has errors
      3  OpenBao did not answer
      5  the lane is not closed, or another operation is running
    """
    from warden.present import deactivation
    from warden.usecases.deactivate import reactivate as reopen

    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    why = _required(reason)
    _confirm(lane, found, "open", yes=yes)
    done = reopen(found, why, workspace.context, LaneOptions(take_over=take_over, yes=yes))
    if as_json:
        terminal.document(deactivation.opening_json(done))
    else:
        deactivation.show_opening(done)
    return int(Exit.DONE)


def _confirm(lane_id: str, lane: "Lane | None", action: str, *, yes: bool) -> None:
    """A terminal is asked to type the id, once; anything else has to say ``--yes``."""
    if yes:
        return
    readers = ", ".join(reader.label for reader in lane.readers) if lane else "whoever reads it"
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would {action} {lane_id} for {readers}",
            effect=Effect.NOTHING_DONE,
            subject=lane_id,
            hint="add --yes to confirm",
        )
    if click.prompt(terminal.question(f"Type {lane_id} to {action} it for {readers}"), err=True) != lane_id:
        raise UsageError("the answer was not the lane's id", effect=Effect.NOTHING_DONE, subject=lane_id)


def _required(reason: str) -> str:
    text = journaled_reason(reason)
    if not text:
        raise UsageError("--reason is empty", effect=Effect.NOTHING_DONE, hint='--reason "why"')
    return text
