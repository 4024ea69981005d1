"""``warden ssh acknowledge``: look at a certificate that somebody else had signed without OpenBao."""

import click

from warden.cli import wiring, wiring_journal, wiring_ssh
from warden.cli.clock import now
from warden.cli.options import json_option
from warden.cli.reason import without_secret
from warden.cli.signals import ends_recorded
from warden.present import terminal


@click.command()
@click.argument("record", type=click.IntRange(min=1), metavar="RECORD")
@click.option("--comment", default="", metavar="TEXT", help="What you found; recorded in the journal.")
@json_option
@click.pass_context
def acknowledge(ctx: click.Context, /, *, record: int, comment: str, as_json: bool) -> None:
    """Acknowledge a certificate that was signed without OpenBao (--break-glass).

    You acknowledge as yourself, logged in to OpenBao, and not under the name of the user who signed. RECORD is the
    number in the journal that warden status and warden ssh status show. Until then both show it.

    \b
    Examples:
      warden ssh acknowledge 1842 --comment "OpenBao was sealed, ticket 4711"
      warden ssh acknowledge 1842 --json

    \b
    Exit codes:
      2  no certificate was signed without OpenBao under that record
      4  you signed it, or OpenBao does not know you
    """
    from warden.present import emergency as present
    from warden.usecases.acknowledge import acknowledge as usecase

    platform = wiring.platform_dir(ctx)
    journal = wiring_journal.journal(platform)
    with ends_recorded():
        done = usecase(
            record,
            without_secret(comment, "--comment"),
            caller=wiring.caller(None, None, None),
            journal=journal,
            notices=wiring_ssh.notices(platform, journal),
            clock=now,
        )
    if as_json:
        terminal.document(present.looked_json(done))
    else:
        present.show_looked(done)
