"""``warden sign``: a certificate for an actor's public key, on one line."""

import functools
import sys

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import Duration, identity_options
from warden.cli.reason import journaled_reason
from warden.cli.signals import ends_recorded
from warden.cli.signing import break_glass_option, expect_no_login, signer
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden
from warden.present import terminal

LARGEST = 1 << 16
"""Bytes of a public key's file."""


@click.command()
@click.argument("actor", shell_complete=complete.actors)
@click.option("--pubkey", "pubkey", required=True, metavar="FILE|-", help="The public key; - is standard input.")
@click.option("--out", metavar="FILE", help="Write the certificate to FILE, which is replaced only by a good one.")
@click.option(
    "--ttl", type=Duration(), metavar="TIME", help="Valid for that long (90s, 15m, 1h); never over the limit."
)
@click.option("--reason", default="", metavar="TEXT", help="Why you need it; recorded in the journal.")
@identity_options
@break_glass_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.pass_context
def sign(
    ctx: click.Context,
    /,
    *,
    actor: str,
    pubkey: str,
    out: str | None,
    ttl: float | None,
    reason: str,
    token_file: str | None,
    role_id: str | None,
    secret_id_file: str | None,
    break_glass: bool,
    as_json: bool,
) -> None:
    """Sign an SSH public key for an actor of the inventory, and print the certificate on one line.

    \b
    Examples:
      warden sign adm-ada --pubkey ~/.ssh/id.pub --out ~/.ssh/id-cert.pub
      ssh-keygen -y -f key | warden sign agt-deploy --pubkey - --ttl 5m

    With --break-glass OpenBao is not asked: a CA key of this machine signs, in the name of its user, and warden status
    shows it until somebody else has run warden ssh acknowledge.
    """
    from warden.core.ssh.decision import actor as named
    from warden.present import sign as present
    from warden.usecases.sign import SignRequest, hand_over

    expect_no_login(ctx)
    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    ask = SignRequest(
        subject=named(inventory, actor),
        public_key=read_key(pubkey),
        ttl=None if ttl is None else int(ttl),
        reason=journaled_reason(reason),
        handed="file" if out else "stdout",
        path=wiring_ssh.certificate_path(out) if out else "",
    )
    tools = wiring_ssh.tools(platform, offline=break_glass)
    signs = signer(platform, inventory, tools, token_file, role_id, secret_id_file, break_glass=break_glass)
    with ends_recorded():
        done = signs(ask)
        if out:
            hand_over(done, functools.partial(wiring_ssh.write_certificate, out), tools.journal)
    if as_json:
        terminal.document(present.as_json(done, out or ""))
    else:
        present.show(done, out or "")


def read_key(named: str) -> str:
    """The key's line. Raises `UsageError`, which never repeats what was read."""
    raw = sys.stdin.buffer.read(LARGEST + 1) if named == "-" else wiring_ssh.read_public_key(named)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise UsageError(
            "the public key is not text",
            effect=Effect.NOTHING_SIGNED,
            subject=named,
            remedy=(warden("sign", "ACTOR", pubkey="FILE"),),
        ) from None
