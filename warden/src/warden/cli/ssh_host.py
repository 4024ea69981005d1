"""``warden ssh host``: certificates of hosts."""

import functools

import click

from warden.cli import wiring, wiring_ssh
from warden.cli.options import Duration, json_option
from warden.cli.reason import journaled_reason
from warden.cli.sign import read_key
from warden.cli.signals import ends_recorded
from warden.present import terminal


@click.group()
def host() -> None:
    """Certificates of hosts, so that nobody has to confirm a fingerprint.

    \b
    Examples:
      warden ssh host sign coulombcore --pubkey /etc/ssh/ssh_host_ed25519_key.pub
    """


@host.command(short_help="Sign a host's public key.")
@click.argument("name", metavar="HOST")
@click.option("--pubkey", required=True, metavar="FILE|-", help="The host's public key; - is standard input.")
@click.option("--out", metavar="FILE", help="Write the certificate to FILE, which is replaced only by a good one.")
@click.option("--ttl", type=Duration(), metavar="TIME", help="Valid for that long; never over what the inventory says.")
@click.option("--reason", default="", metavar="TEXT", help="Why you need it; recorded in the journal.")
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
      warden ssh host sign web --pubkey host_key.pub --out host_key-cert.pub
      ssh web cat host_key.pub | warden ssh host sign web --pubkey -
    """
    from warden.present import sign as present
    from warden.usecases.sign import SignRequest, hand_over
    from warden.usecases.sign import sign as usecase
    from warden.usecases.ssh_host import authority_of, host_named

    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    ask = SignRequest(
        subject=host_named(inventory, name),
        public_key=read_key(pubkey),
        ttl=None if ttl is None else int(ttl),
        reason=journaled_reason(reason),
        handed="file" if out else "stdout",
        path=wiring_ssh.certificate_path(out) if out else "",
    )
    authority = wiring_ssh.authority(authority_of(inventory))
    tools = wiring_ssh.tools(platform)
    with ends_recorded():
        done = usecase(ask, caller=wiring.caller(None), authority=authority, tools=tools)
        if out:
            hand_over(done, functools.partial(wiring_ssh.write_certificate, out), tools.journal)
    if as_json:
        terminal.document(present.as_json(done, out or ""))
    else:
        present.show(done, out or "")
