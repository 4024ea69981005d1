"""``warden ssh ensure``: what ssh's configuration calls at every login; see `usecases.ssh_ensure`.

Where a good certificate is there, neither the platform directory is parsed nor OpenBao asked, and only what that
takes is imported. The journal says whether it was revoked.
"""

import functools
import os
from typing import Any

import click
import msgspec

from warden.cli import clock, complete, issuing, wiring, wiring_journal, wiring_keys
from warden.cli.options import identity_options, json_option, out_option
from warden.core.ssh.kept import FOLDER_OPTION, Kept
from warden.present import terminal
from warden.usecases.ssh_ensure import Ensured, EnsureRequest
from warden.usecases.ssh_ensure import ensure as usecase

PATIENCE = "5"
"""Seconds that OpenBao has for an answer, where BAO_CLIENT_TIMEOUT does not say: somebody waits for ssh."""


@click.command(short_help="Have a valid certificate ready; renew it when it is time.")
@click.argument("actor", shell_complete=complete.actors)
@out_option
@identity_options
@json_option
@click.pass_context
def ensure(
    ctx: click.Context,
    /,
    *,
    actor: str,
    out: str | None,
    as_json: bool,
    **login: Any,
) -> None:
    """Have a valid certificate in ssh-agent (or in DIR); it is renewed after two thirds of its life.

    This is what `warden ssh config` has ssh call. It says nothing when all is well, one process renews at a time, and
    an old certificate is used to its end where it cannot be renewed. One that was revoked is replaced.

    \b
    Examples:
      warden ssh ensure adm-ada
      warden ssh ensure atm-backup --out ~/.ssh/warden
    """
    found, certificate_file = ensured(ctx, issuing.Wanted(actor=actor, fresh=False, **login), out)
    if found.fault is None and found.revoked is None and not as_json:
        return
    from warden.present import issue as present

    if as_json:
        terminal.document(present.ensured_json(found, certificate_file))
    present.show_ensured(found, clock.now().timestamp())


def ensured(
    ctx: click.Context, wanted: issuing.Wanted, out: str | None, folder_option: str = FOLDER_OPTION
) -> tuple[Ensured, str]:
    """A certificate that can be used now, and the file that ssh is to be told of."""
    place, at, environment = wiring_keys.key_place(out, folder_option), issuing.address(), issuing.environment()
    directory = wiring_keys.platform_named(ctx)
    kept = wiring_keys.kept(directory, environment)

    def renew(fresh: bool) -> Kept:
        if not os.environ.get("BAO_CLIENT_TIMEOUT") and not os.environ.get("VAULT_CLIENT_TIMEOUT"):
            os.environ["BAO_CLIENT_TIMEOUT"] = PATIENCE
        issuing.quietly(ctx)
        platform = wiring.platform_dir(ctx)
        asked = msgspec.structs.replace(wanted, fresh=fresh)
        return issuing.issued(platform, asked, place=place, kept=kept, at=at, environment=environment).kept

    journal = functools.partial(wiring_journal.whole_journal, directory)
    ask = EnsureRequest(actor=wanted.actor, address=at)
    found = usecase(ask, place=place, kept=kept, renew=renew, journal=journal, clock=clock.now)
    return found, kept.certificate_file(wanted.actor, place.holder)
