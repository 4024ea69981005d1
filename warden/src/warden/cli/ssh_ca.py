"""``warden ssh ca``: the keys that hosts are to trust, and how one is replaced."""

import sys
from typing import get_args

import click

from warden.cli import clock, wiring, wiring_ssh
from warden.cli.options import json_option, yes_option
from warden.core.errors import UsageError
from warden.core.inventory.inventory import Purpose
from warden.core.ssh.ca import StepNotConfirmed
from warden.present import terminal


@click.group()
def ca() -> None:
    """The keys that sign certificates: those that hosts are to trust, and how one is replaced.

    \b
    Examples:
      warden ssh ca show > /etc/ssh/warden/user_ca.pub
      warden ssh ca rotate
    """


@ca.command(short_help="Print the public keys that are to be trusted.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(get_args(Purpose)),
    help="Only those of one authority. Default: all that sign for users, which is what a host trusts.",
)
@json_option
@click.pass_context
def show(ctx: click.Context, /, *, purpose: Purpose | None, as_json: bool) -> None:
    """Print the public keys that are to be trusted, as lines for TrustedUserCAKeys.

    While a key is being replaced there are two. Who trusts hosts needs the lines of `warden ssh known-hosts`.

    \b
    Examples:
      warden ssh ca show > /etc/ssh/warden/user_ca.pub
      warden ssh ca show --for hosts --json
    """
    from warden.present import ssh_ca
    from warden.usecases.ssh_ca import keys

    inventory = wiring_ssh.inventory(wiring.platform_dir(ctx))
    purposes: tuple[Purpose, ...] = (purpose,) if purpose else ("users", "break-glass")
    found = keys(purposes, inventory, wiring.openbao, wiring_ssh.local_authority, wiring_ssh.certificates())
    if as_json:
        terminal.document(ssh_ca.keys_json(found))
    else:
        ssh_ca.show_keys(found)


@ca.command(short_help="Do the next step of replacing a key of OpenBao's.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["users", "hosts"]),
    default="users",
    show_default=True,
    help="Whose key: the one that signs for users, or for hosts.",
)
@click.option("--now", is_flag=True, help="Delete the old key although something that it signed may still be valid.")
@yes_option
@json_option
@click.pass_context
def rotate(ctx: click.Context, /, *, purpose: Purpose, now: bool, yes: bool, as_json: bool) -> None:
    """Do the next step of replacing a key of OpenBao's; run it three times.

    First a new key is made, for every host to trust. Then it signs. When nothing that the old key signed is
    valid any more, the old key is deleted. What was signed stays valid throughout. The last two steps need --yes.

    \b
    Examples:
      warden ssh ca rotate
      warden ssh ca rotate --for hosts --yes

    \b
    Exit codes:
      2  the key is not in OpenBao, or the step needs --yes
      5  something that the old key signed is still valid
    """
    from warden.cli.context import Workspace
    from warden.present import ssh_ca
    from warden.usecases.ssh_ca import CaTools
    from warden.usecases.ssh_ca import rotate as usecase

    workspace = Workspace.of(ctx)
    tools = CaTools(
        inventory=wiring_ssh.inventory(workspace.platform),
        vault=workspace.vault,
        journal=workspace.journal,
        certificates=wiring_ssh.certificates(),
        clock=clock.now,
    )
    with workspace.alone("warden ssh"):
        try:
            done = usecase(purpose, tools, yes=yes, now=now)
        except UsageError as fault:
            if not isinstance(fault.problem, StepNotConfirmed) or not _agreed(fault.problem):
                raise
            done = usecase(purpose, tools, yes=True, now=now)
    if as_json:
        terminal.document(ssh_ca.rotated_json(done))
    else:
        ssh_ca.show_rotated(done)


def _agreed(problem: StepNotConfirmed) -> bool:
    """Whether a person at a terminal says yes."""
    if not sys.stdin.isatty():
        return False
    question = "Do all hosts trust it, and shall it sign" if problem.step == "switch" else "Delete the key"
    return click.confirm(terminal.question(f"{question}: {problem.name}?"), err=True)
