"""``warden ssh host``: certificates of hosts."""

import functools

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import json_option, ttl_option, why_option
from warden.cli.signing import certificate_out_option, pubkey_option, request, sign_and_show
from warden.core.errors import Effect


@click.group()
def host() -> None:
    """Certificates of hosts, so that nobody has to confirm a fingerprint.

    \b
    Examples:
      warden ssh host sign coulombcore --pubkey /etc/ssh/ssh_host_ed25519_key.pub
    """


@host.command(short_help="Sign a host's public key.")
@click.argument("name", metavar="HOST", shell_complete=complete.hosts)
@pubkey_option
@certificate_out_option
@ttl_option
@why_option
@json_option
@click.pass_context
def sign(
    ctx: click.Context,
    /,
    *,
    name: str,
    pubkey: str,
    out: str | None,
    ttl: float | None,
    reason: str,
    as_json: bool,
) -> None:
    """Sign the public key of a host of the inventory for the names that it has there; one line on stdout.

    \b
    Examples:
      warden ssh host sign coulombcore --pubkey host_key.pub
      ssh coulombcore cat /etc/ssh/ssh_host_ed25519_key.pub |
        warden ssh host sign coulombcore --pubkey - --out host-cert.pub
    """
    from warden.core.ssh.ca import expect_authority
    from warden.core.ssh.decision import host as named
    from warden.usecases.sign import sign as usecase

    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    ask = request(named(inventory, name), pubkey, out, ttl, reason)
    authority = wiring_ssh.authority(expect_authority("hosts", inventory, Effect.NOTHING_DONE))
    tools = wiring_ssh.tools(platform)
    signs = functools.partial(usecase, caller=wiring.caller(None), authority=authority, tools=tools)
    sign_and_show(signs, ask, out, tools.journal, as_json=as_json)
