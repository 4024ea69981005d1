"""What `deactivate`, `reactivate` and `compromise` have in common on the command line."""

import secrets
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from warden.cli import wiring
from warden.cli.context import Workspace
from warden.core.errors import Effect, UsageError, WardenError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.lane import Lane
    from warden.core.lifecycle.closing import Step
    from warden.ports.audit_log import AuditLog
    from warden.usecases.steps.closing_denial import ProbeTools

_STARTED = time.monotonic()
"""When the command began, as far as that can be known here: this file is imported by nothing else."""


def started(*, yes: bool) -> float:
    """When the command began, or when a person had agreed to it."""
    return _STARTED if yes else time.monotonic()


def probe_tools(
    workspace: Workspace, files: Sequence[str], audit_command: str | None, certificates: Sequence[str] = ()
) -> "ProbeTools":
    """What readers are played with; that the audit log is not known is an answer, and not an error here."""
    from warden.usecases.steps.closing_denial import ProbeTools

    if audit_command and files:
        raise UsageError("--audit and --audit-command cannot be used together", effect=Effect.NOTHING_DONE)
    audit: AuditLog | WardenError
    if audit_command:
        audit = wiring.audit_command(audit_command)
    else:
        try:
            audit = workspace.audit(files, None)
        except WardenError as fault:
            audit = fault
    identities = wiring.identities(workspace.address, workspace.clusters.by_mount())
    own = wiring.own_credentials(certificates)
    return ProbeTools(identities=identities, audit=audit, run=f"wp-{secrets.token_hex(6)}", own=own)


def confirm(
    lane_id: str, lane: "Lane | None", action: str, *, yes: bool, steps: "Sequence[Step]" = (), quiet: bool = False
) -> None:
    """The steps are shown; a terminal is asked to type the id, once, and anything else has to say ``--yes``."""
    readers = ", ".join(reader.label for reader in lane.readers) if lane else "whoever reads it"
    if steps and not quiet:
        from warden.present.deactivation import show_steps

        terminal.note(f"This will {action} {lane_id} for {readers}:")
        show_steps(steps)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would {action} {lane_id} for {readers}",
            effect=Effect.NOTHING_DONE,
            subject=lane_id,
            hint="add --yes to confirm",
        )
    if click.prompt(terminal.question(f"Type {lane_id} to {action} it for {readers}"), err=True) != lane_id:
        raise UsageError("the answer was not the lane's id", effect=Effect.NOTHING_DONE, subject=lane_id)
