"""``warden notices``: who is told what happens, what is queued, and a test of the way there."""

import click

from warden.cli import wiring, wiring_files, wiring_journal
from warden.cli.options import json_option
from warden.core.errors import Exit
from warden.present import terminal


@click.command()
@click.option("--test", is_flag=True, help="Send a test on every channel.")
@click.option("--send", is_flag=True, help="Send what is queued, now.")
@json_option
@click.pass_context
def notices(ctx: click.Context, /, *, test: bool, send: bool, as_json: bool) -> int:
    """Show who is told what happens to lanes, and what could not be sent so far.

    \b
    Examples:
      warden notices
      warden notices --test

    \b
    Exit codes:
      0  shown or sent
      3  something could not be sent
    """
    from warden.core.notices.notice import Notice
    from warden.present import notices as present

    platform = wiring.platform_dir(ctx)
    journal = wiring_journal.journal(platform)
    notifier = wiring_files.notifier(platform, wiring.catalog(platform).platform, journal)
    if test:
        notifier.tell(Notice(kind="test"))
    sent = notifier.resend() if send else 0
    queues = notifier.queues
    if as_json:
        terminal.document(present.queues_json(queues, sent, notifier.undelivered))
    else:
        present.show_queues(queues)
        present.show_undelivered(notifier.undelivered)
    return int(Exit.INCONCLUSIVE if notifier.undelivered else Exit.DONE)
