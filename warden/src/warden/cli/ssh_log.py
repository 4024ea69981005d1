"""``warden ssh log`` and ``warden ssh scorecard``: the issue log."""

import functools

import click

from warden.cli import clock, complete, wiring, wiring_journal, wiring_ssh
from warden.cli.options import json_option
from warden.cli.since import past_moment
from warden.core.errors import Effect
from warden.present import terminal


@click.command(short_help="List what was asked for, issued, refused and revoked.")
@click.argument("subject", required=False, default="", metavar="[ACTOR|HOST]", shell_complete=complete.actors_and_hosts)
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N records.")
@click.option("--since", metavar="TIME", help="Only since then: 2026-11-30T08:00Z, or 36h (ago).")
@json_option
@click.pass_context
def log(ctx: click.Context, /, *, subject: str, last: int | None, since: str | None, as_json: bool) -> None:
    """List the issue log, oldest first: what was asked for, issued, refused, revoked, by whom and why.

    \b
    Examples:
      warden ssh log --since 24h
      warden ssh log agt-triage --last 20 --json
    """
    from warden.present import ssh_status as present
    from warden.usecases.ssh_status import ssh_log

    platform = wiring.platform_dir(ctx)
    records = ssh_log(
        wiring_journal.journal(platform, asks=False),
        functools.partial(wiring_ssh.inventory, platform),
        subject=subject,
        since=past_moment(since, Effect.NOTHING_READ).timestamp() if since else None,
    )
    if as_json:
        terminal.document(present.log_json(records, last or 0))
    else:
        present.show_log(records, subject, last or 0)


@click.command(short_help="Count each actor's certificates, and mark what to look at.")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="Since then: a time, or 7d (ago).")
@json_option
@click.pass_context
def scorecard(ctx: click.Context, /, *, since: str, as_json: bool) -> None:
    """Count each actor's certificates in a period, and mark what somebody should look at.

    \b
    Examples:
      warden ssh scorecard
      warden ssh scorecard --since 7d --json
    """
    from warden.present import ssh_status as present
    from warden.usecases.ssh_status import ssh_scorecard

    platform = wiring.platform_dir(ctx)
    then = past_moment(since, Effect.NOTHING_READ)
    journal = wiring_journal.journal(platform, asks=False)
    scores = ssh_scorecard(journal, wiring_ssh.inventory(platform), clock.now().timestamp(), then.timestamp())
    shown = then.isoformat(timespec="seconds").replace("+00:00", "Z")
    if as_json:
        terminal.document(present.scorecard_json(scores, shown))
    else:
        present.show_scorecard(scores, shown)
