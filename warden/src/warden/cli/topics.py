"""``warden help TOPIC``: exit codes, environment variables, and the commands for SSH."""

import click

from warden.present import terminal
from warden.present.topics import TOPICS


@click.command("help")
@click.argument("topic", type=click.Choice(list(TOPICS)), default="exit-codes")
@click.option("--json", "as_json", is_flag=True, help="Print the topic as JSON.")
def help(topic: str, as_json: bool) -> None:  # noqa: A001 - the command's name
    """Explain exit codes, environment variables, or SSH.

    \b
    Examples:
      warden help exit-codes
      warden help ssh
      warden help environment --json
    """
    names, rows = TOPICS[topic]
    if as_json:
        return terminal.document([dict(zip(names, row, strict=True)) for row in rows])
    return terminal.table([name.upper() for name in names], [[str(cell) for cell in row] for row in rows])
