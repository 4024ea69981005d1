"""``warden ssh cleanup``: take away what nobody can use any more on this machine."""

import click

from warden.cli import clock, issuing, wiring, wiring_journal, wiring_keys, wiring_ssh
from warden.cli.options import json_option
from warden.core.errors import Exit
from warden.present import terminal


@click.command(short_help="Remove expired and revoked certificates from this machine.")
@click.option("--all", "everything", is_flag=True, help="Those that are still valid, too.")
@click.option("--plan", is_flag=True, help="Only show what would be removed.")
@json_option
@click.pass_context
def cleanup(ctx: click.Context, /, *, everything: bool, plan: bool, as_json: bool) -> int:
    """Remove expired and revoked certificates of warden from ssh-agent and from folders, with keys that warden made.

    Nothing else is touched: neither your own keys, nor a key that was in a folder before.

    \b
    Examples:
      warden ssh cleanup --plan
      warden ssh cleanup --all

    \b
    Exit codes:
      3  something could not be removed
    """
    from warden.present import ssh_status as present
    from warden.usecases.ssh_cleanup import CleanupTools, ssh_cleanup

    platform = wiring.platform_dir(ctx)
    tools = CleanupTools(
        journal=wiring_journal.journal(platform, asks=False),
        kept=wiring_keys.kept(platform, issuing.environment()),
        place_of=wiring_keys.place_of,
        certificates=wiring_ssh.certificates(),
        agent=wiring_keys.agent_if_any(),
    )
    done = ssh_cleanup(tools, clock.now().timestamp(), everything=everything, plan=plan)
    if as_json:
        terminal.document(present.cleanup_json(done, plan=plan))
    else:
        present.show_cleanup(done, plan=plan)
    faults = [each.fault for each in done if each.fault]
    for fault in faults:
        terminal.error(fault, as_json=as_json)
    return int(Exit.INCONCLUSIVE if faults else Exit.DONE)
