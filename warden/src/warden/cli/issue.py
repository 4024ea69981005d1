"""``warden issue``: a fresh key and its certificate, into ssh-agent or into files."""

from typing import Any

import click

from warden.cli import complete, issuing, wiring, wiring_keys
from warden.cli.options import identity_options, json_option, out_option, ttl_option, why_option
from warden.cli.reason import journaled_reason
from warden.cli.signing import break_glass_option, expect_no_login
from warden.core.remedies import warden
from warden.present import terminal


@click.command()
@click.argument("actor", shell_complete=complete.actors)
@out_option
@ttl_option
@why_option
@identity_options
@break_glass_option
@json_option
@click.pass_context
def issue(
    ctx: click.Context,
    /,
    *,
    actor: str,
    out: str | None,
    ttl: float | None,
    reason: str,
    as_json: bool,
    **login: Any,
) -> None:
    """Make a key, have it certified for an actor, and hand both to ssh-agent until the certificate expires.

    The private key is never written to a file, unless --out asks for files. Your own token is used
    (BAO_TOKEN, or the one that warden login stored), unless an option logs in as somebody else.

    \b
    Examples:
      warden issue adm-ada
      warden issue atm-backup --out ~/.ssh/warden --ttl 5m --json
      warden issue adm-ada --break-glass --reason "OpenBao is down"

    \b
    Exit codes:
      5  ssh-agent is locked, or another process has the same certificate made
    """
    from warden.present import issue as present

    expect_no_login(ctx)
    place, at, environment = wiring_keys.key_place(out), issuing.address(), issuing.environment()
    platform = wiring.platform_dir(ctx)
    again = warden("issue", actor, out=out or "", break_glass=True, reason="TEXT")
    validity, why = None if ttl is None else int(ttl), journaled_reason(reason)
    wanted = issuing.Wanted(actor=actor, ttl=validity, reason=why, emergency=again, **login)
    done = issuing.issued(
        platform,
        wanted,
        place=place,
        kept=wiring_keys.kept(platform, environment),
        at=at,
        environment=environment,
        waits=True,
    )
    if as_json:
        terminal.document(present.as_json(done))
    else:
        present.show(done)
