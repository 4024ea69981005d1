"""The command line of activity-core."""

import click


@click.group()
def run() -> None:
    """Rank the day's work from a digest, through llm-connect."""
