"""The whole audit log, as commands that ask about the past read it."""

from collections.abc import Sequence

from warden.cli import wiring_files
from warden.cli.context import Workspace
from warden.core.errors import Effect, UsageError, WardenError
from warden.ports.audit_history import AuditHistory
from warden.present import terminal


def audit_history(
    workspace: Workspace, files: Sequence[str], command: str | None, effect: Effect = Effect.NOTHING_ASKED
) -> AuditHistory:
    """The log, where it is known; otherwise the answer says why there is none. `effect` is that of wrong usage."""
    if command and files:
        raise UsageError("--audit and --audit-command cannot be used together", effect=effect)
    if command:
        return wiring_files.command_history(command)
    try:
        return wiring_files.files_history(workspace.audit_named(files))
    except WardenError:
        return wiring_files.no_history("where it is written is not known here; name it with --audit")


def show_read(done: int, whole: int) -> None:
    """Told while the log is read: how many bytes are, and how many there are (0: not known)."""
    of = f" of {whole // 1_000_000}" if whole else ""
    terminal.progress(f"reading the audit log: {done // 1_000_000}{of} MB …")
