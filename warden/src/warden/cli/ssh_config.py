"""``warden ssh config``: Match blocks for ssh's configuration."""

import os
import sys
from typing import Any

import click

from warden.cli import complete, issuing, wiring, wiring_keys, wiring_ssh
from warden.cli.options import identity_options, json_option, out_option
from warden.core.ssh.kept import Holder, identity_file
from warden.present import terminal

IDENTITY = ("token_file", "role_id", "secret_id_file")


@click.command(short_help="Print Match blocks for ~/.ssh/config.")
@click.argument("actors", nargs=-1, required=True, metavar="ACTOR…", shell_complete=complete.actors)
@out_option
@click.option("--only", is_flag=True, help="Have ssh try no other key for these hosts (IdentitiesOnly).")
@identity_options
@json_option
@click.pass_context
def config(
    ctx: click.Context, /, *, actors: tuple[str, ...], out: str | None, only: bool, as_json: bool, **login: Any
) -> None:
    """Print Match blocks with which ssh uses certificates for the hosts of these actors.

    A block matches hosts of the inventory only, and all it does is get a certificate into ssh-agent: what you
    configured for a host stays. With --only or --out it also names the certificate as an IdentityFile.

    The first line of ~/.ssh/config includes the file: below a Host line, Include is for that host alone.

    \b
    Examples:
      warden ssh config adm-ada > ~/.ssh/warden.conf
      warden ssh config atm-backup --out ~/.ssh/warden --token-file token
    """
    from warden.core.ssh.client_config import block
    from warden.core.ssh.decision import actor as named
    from warden.present import ssh_config as present

    platform = wiring.platform_dir(ctx)
    inventory = wiring_ssh.inventory(platform)
    environment = issuing.environment()
    holder, kept = wiring_keys.holder_named(out), wiring_keys.kept(platform, environment)
    named_to_ssh = only or holder.handed == "file"
    given = {
        name: os.path.abspath(login[name]) if name != "role_id" else login[name] for name in IDENTITY if login[name]
    }
    blocks = [
        block(
            inventory,
            named(inventory, actor),
            command=(*kept.ready_words(actor, holder), *_command(platform, environment, actor, holder, given)),
            identity_file=identity_file(kept.certificate_file(actor, holder)) if named_to_ssh else "",
            only=only,
        )
        for actor in dict.fromkeys(actors)
    ]
    if as_json:
        terminal.document(present.config_json(blocks))
    else:
        present.show_config(blocks)


def _command(platform: str, environment: str, actor: str, holder: Holder, given: dict[str, str]) -> tuple[str, ...]:
    """What ssh is to run: by whole paths, since it is run from anywhere."""
    words = [
        _program(),
        "--platform",
        platform,
        *(("--env", environment) if environment else ()),
        "ssh",
        "ensure",
        actor,
    ]
    words += ["--out", holder.where] if holder.handed == "file" else []
    for name, value in given.items():
        words += [f"--{name.replace('_', '-')}", value]
    return tuple(words)


def _program() -> str:
    called = os.path.abspath(sys.argv[0])
    return called if os.path.basename(called) == "warden" and os.access(called, os.X_OK) else "warden"
