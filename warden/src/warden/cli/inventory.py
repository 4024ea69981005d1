"""``warden inventory``: the actors that may have SSH certificates."""

import click

from warden.cli import wiring, wiring_ssh
from warden.cli.options import json_option
from warden.present import terminal


@click.group()
def inventory() -> None:
    """List and add the actors that may have SSH certificates, as inventory.yaml declares them.

    \b
    Examples:
      warden inventory list
      warden inventory list --json
    """


@inventory.command(name="list", short_help="List the actors and what their certificates permit.")
@json_option
@click.pass_context
def list_actors(ctx: click.Context, /, as_json: bool) -> None:
    """List the actors, their principals, validity and hosts, with everything that the file leaves out.

    \b
    Examples:
      warden inventory list
      warden inventory list --json | jq -r '.actors[] | select(.type == "agt") | .name'
    """
    from warden.present import inventory as present

    found = wiring_ssh.inventory(wiring.platform_dir(ctx))
    if as_json:
        terminal.document(present.as_json(found))
    else:
        present.show(found)
