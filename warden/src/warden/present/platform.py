"""Which platform directory a command with effects uses, where that does not go without saying."""

from warden.present import terminal


def show_used(directory: str, *, configured: bool, passed_over: str) -> None:
    """Name it, unless it is the configured one and no other is here."""
    if configured and passed_over:
        terminal.note(f"platform directory: {directory} (configured; {passed_over} is not used)")
    elif not configured:
        terminal.note(f"platform directory: {directory}")


def show_environment(name: str, address: str) -> None:
    """Say for which environment this is, and where that is."""
    terminal.note(f"environment: {name} ({address})")
