"""``warden sign``: a certificate for an actor's public key, on one line."""

import click

from warden.cli import complete, wiring, wiring_ssh
from warden.cli.options import identity_options, json_option, ttl_option, why_option
from warden.cli.signing import (
    break_glass_option,
    certificate_out_option,
    expect_no_login,
    pubkey_option,
    request,
    sign_and_show,
    signer,
)
from warden.core.remedies import warden


@click.command()
@click.argument("actor", shell_complete=complete.actors)
@pubkey_option
@certificate_out_option
@ttl_option
@why_option
@identity_options
@break_glass_option
@json_option
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
      warden sign adm-ada --pubkey ~/.ssh/id_ed25519.pub \\
        --out ~/.ssh/id_ed25519-cert.pub
      ssh-keygen -y -f key | warden sign agt-triage --pubkey - --ttl 5m

    Your own token is used (BAO_TOKEN, or the one that warden login stored), unless an option logs in as somebody else.

    With --break-glass OpenBao is not asked: a CA key of this machine signs, in the name of its user, and warden status
    shows it until somebody else has run warden ssh acknowledge.
    """
    from warden.core.ssh.decision import actor as named

    expect_no_login(ctx)
    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    ask = request(named(inventory, actor), pubkey, out or "", ttl, reason)
    tools = wiring_ssh.tools(platform, offline=break_glass)
    login = (token_file, role_id, secret_id_file)
    again = warden("sign", actor, pubkey=pubkey, out=out or "", break_glass=True, reason="TEXT")
    signs = signer(platform, inventory, tools, *login, break_glass=break_glass, emergency=again)
    sign_and_show(lambda: (signs(ask),), [out] if out else [], tools.journal, as_json=as_json)
