"""``warden help TOPIC``: what is worth knowing beside the commands."""

import click

from warden.cli import render
from warden.domain.errors import EXIT_MEANING


@click.command("help")
@click.argument("topic", type=click.Choice(["exit-codes"]), default="exit-codes")
@click.option("--json", "as_json", is_flag=True, help="The topic as JSON.")
def help(topic: str, as_json: bool) -> None:  # noqa: A001, ARG001 - the command's name; one topic so far
    """Explain a topic.

    \b
    Examples:
      warden help exit-codes
      warden help exit-codes --json
    """
    if as_json:
        return render.document([{"code": int(code), "meaning": text} for code, text in EXIT_MEANING.items()])
    return render.table(("CODE", "MEANING"), [(str(int(code)), text) for code, text in EXIT_MEANING.items()])
