"""``warden ssh status``: what certificates are out there."""

import functools

import click

from warden.cli import clock, complete, issuing, wiring, wiring_journal, wiring_keys, wiring_ssh
from warden.cli.options import json_option
from warden.present import terminal


@click.command(short_help="Show the certificates that are out there.")
@click.argument("subject", required=False, default="", metavar="[ACTOR|HOST]", shell_complete=complete.actors_and_hosts)
@click.option("--all", "expired", is_flag=True, help="Expired and discarded ones, too.")
@json_option
@click.pass_context
def status(ctx: click.Context, /, *, subject: str, expired: bool, as_json: bool) -> None:
    """Show the certificates that can still be used: whose, until when, and whether this machine holds them.

    The journal says what was issued; it knows nothing of certificates that another journal has.

    \b
    Examples:
      warden ssh status
      warden ssh status adm-ada --all --json
    """
    from warden.present import ssh_status as present
    from warden.usecases.ssh_status import ssh_status as usecase

    platform = wiring.platform_dir(ctx)
    now = clock.now().timestamp()
    found = usecase(
        wiring_journal.journal(platform, asks=False),
        wiring_keys.kept(platform, issuing.environment()),
        wiring_keys.place_of,
        functools.partial(wiring_ssh.inventory, platform),
        now,
        subject=subject,
        expired=expired,
    )
    if as_json:
        terminal.document(present.status_json(found, now))
    else:
        present.show_status(found, now)
