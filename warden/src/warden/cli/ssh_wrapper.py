"""``ops-ssh-wrapper``: ssh with the certificate of WARDEN_ACTOR, for what calls ssh by a name (Git, rsync, Ansible).

Without a certificate ssh is not started: who calls the wrapper wants it, and not whatever else ssh would try.
"""

import os
import sys

import click

from warden.cli import clock, issuing, wiring
from warden.cli.exit_guard import guarded, reported
from warden.cli.ssh_ensure import ensured
from warden.core.errors import Effect, UsageError
from warden.core.remedies import SetVariable
from warden.core.ssh.client_config import expect_writable
from warden.core.ssh.kept import identity_file
from warden.present.issue import show_ensured
from warden.present.ssh_config import identity_option


def run() -> None:
    """Become ssh, or exit with a code of warden's."""
    sys.exit(guarded(lambda: reported(lambda: _become_ssh(sys.argv[1:]), as_json=False)[0]))


def _become_ssh(arguments: list[str]) -> int:
    actor, folder = os.environ.get("WARDEN_ACTOR", ""), os.environ.get("WARDEN_KEY_DIR") or None
    if not actor:
        raise UsageError(
            "WARDEN_ACTOR is not set",
            effect=Effect.NOTHING_DONE,
            hint="name an actor of inventory.yaml",
            remedy=(SetVariable("WARDEN_ACTOR", "agt-deploy"),),
        )
    runner = wiring.runner()
    program = runner.find("ssh")
    if os.path.samefile(program, sys.argv[0]):
        raise UsageError(
            f"{program} is this wrapper itself, and would run itself again",
            effect=Effect.NOTHING_DONE,
            hint="call it by another name, or put the folder of ssh first in PATH",
        )
    found, certificate_file = ensured(
        _context(), issuing.Wanted(actor=actor, fresh=False), folder, "WARDEN_KEY_DIR=DIR"
    )
    key = identity_file(certificate_file)
    expect_writable(key)
    show_ensured(found, clock.now().timestamp())
    chosen = ["-o", "IdentitiesOnly=yes", "-o", identity_option(key)]
    runner.exec(program, ["ssh", *chosen, *arguments], {}, as_files=False)


def _context() -> click.Context:
    """As of ``warden ssh``, without options."""
    ctx = click.Context(click.Command("ssh"), obj={"platform": None})
    ctx.invoked_subcommand = "ssh"
    return ctx
