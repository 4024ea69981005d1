"""`activity-core exit-codes`."""

from __future__ import annotations

import click

from activity_core.core.errors import EXIT_MEANING
from activity_core.present import console

EXAMPLES = """\b
Examples:
  activity-core exit-codes
  activity-core exit-codes | grep '^3'"""


@click.command("exit-codes", short_help="Show what each exit code means.", epilog=EXAMPLES)
def command() -> None:
    """Print the exit codes of all commands."""
    console.lines(["CODE  MEANING", *(f"{int(code):<4}  {meaning}" for code, meaning in EXIT_MEANING.items())])
