"""``warden ssh``: the group; each of its commands is in a file of its own, ``ssh_NAME.py``."""

import click

from warden.cli.lazy import LazyGroup, Table

COMMANDS: Table = {
    "ca": ("warden.cli.ssh_ca", "Show the keys that sign, and replace one."),
    "cleanup": ("warden.cli.ssh_cleanup", "Remove expired and revoked certificates from this machine."),
    "config": ("warden.cli.ssh_config", "Print Match blocks for ~/.ssh/config."),
    "ensure": ("warden.cli.ssh_ensure", "Have a valid certificate ready; renew it when it is time."),
    "acknowledge": ("warden.cli.ssh_acknowledge", "Acknowledge a certificate that was signed without OpenBao."),
    "host": ("warden.cli.ssh_host", "Sign the keys of hosts."),
    "known-hosts": ("warden.cli.ssh_known_hosts", "Print the @cert-authority lines for known_hosts."),
    "krl": ("warden.cli.ssh_krl", "Publish what is revoked, and put it in place on hosts."),
    "revoke": ("warden.cli.ssh_revoke", "Have hosts refuse certificates before they expire."),
    "log": ("warden.cli.ssh_log", "List what was asked for, issued, refused and revoked."),
    "scorecard": ("warden.cli.ssh_log", "Count each actor's certificates, and mark what to look at."),
    "status": ("warden.cli.ssh_status", "Show the certificates that are out there."),
}
"""Each command of the group: a line here, and its module `warden.cli.ssh_NAME`."""


@click.group(cls=LazyGroup, table=COMMANDS)
def ssh() -> None:
    """Manage SSH certificates: CAs, hosts, revocation.

    \b
    Examples:
      warden ssh status
      warden ssh ca show

    warden sign and warden issue make the certificates. warden help ssh lists what there is in the order of its use.
    """
