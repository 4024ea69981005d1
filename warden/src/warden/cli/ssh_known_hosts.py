"""``warden ssh known-hosts``: who signs for hosts, as a line of known_hosts."""

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import json_option
from warden.present import terminal


@click.command("known-hosts", short_help="Print the @cert-authority lines for known_hosts.")
@click.argument("hosts", nargs=-1, metavar="[HOST…]", shell_complete=complete.hosts)
@json_option
@click.pass_context
def known_hosts(ctx: click.Context, /, *, hosts: tuple[str, ...], as_json: bool) -> None:
    """Print the lines of known_hosts by which ssh believes the certificates of the inventory's hosts.

    \b
    Examples:
      warden ssh known-hosts >> ~/.ssh/known_hosts
      warden ssh known-hosts | sudo tee /etc/ssh/ssh_known_hosts
    """
    from warden.present import ssh_config as present
    from warden.usecases.ssh_host import known_authority

    platform = wiring.platform_dir(ctx)
    found = known_authority(wiring_ssh.inventory(platform), hosts, wiring_ssh.reached, wiring_ssh.certificates())
    if as_json:
        terminal.document(found)
    else:
        present.show_known_hosts(found)
