"""`activity-core exit-codes`."""

from __future__ import annotations

import click

from activity_core import render
from activity_core.faults import EXIT_MEANING

EXAMPLES = """\b
Examples:
  activity-core exit-codes
  activity-core exit-codes | grep '^3'"""


@click.command("exit-codes", short_help="What each exit code means.", epilog=EXAMPLES)
def command() -> None:
    """Print the exit codes of every command."""
    render.lines(["CODE  MEANING", *(f"{int(code):<4}  {meaning}" for code, meaning in EXIT_MEANING.items())])
