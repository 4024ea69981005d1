"""The command line of activity-core."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="activity-core", message="activity-core %(version)s")
def run() -> None:
    """Rank the day's work from a digest, through llm-connect. Not built yet: there is no command to call."""
