"""The command line: each command's file is imported when it is called, and every error becomes an exit code."""

import os
import sys

import click

from warden.cli.exit_guard import guarded, reported
from warden.cli.lazy import LazyGroup
from warden.cli.unused import expect_no_empty_value
from warden.core.errors import Exit
from warden.present import terminal
from warden.present.surroundings import HERE, Surroundings

COMMANDS = {
    "access": ("warden.cli.access", "Run a command with a lane's credential, or show how to get it."),
    "adopt": ("warden.cli.adopt", "Take over a Secret made by hand into a lane."),
    "apply": ("warden.cli.apply", "Make OpenBao and the clusters match the lane."),
    "approve": ("warden.cli.approve", "Approve a person's read of a lane, or list those that wait."),
    "can-reach": ("warden.cli.can_reach", "Find which lanes an identity can reach."),
    "catalog": ("warden.cli.catalog", "Check the declared files."),
    "change": ("warden.cli.change", "Ask for a change of a lane, and approve it with a signature."),
    "completion": ("warden.cli.completion", "Print a script for the completion of your shell."),
    "compromise": ("warden.cli.compromise", "End a value that has leaked, and list who has read it."),
    "deactivate": ("warden.cli.deactivate", "Close a lane for everyone."),
    "demote": ("warden.cli.promote", "Declare a lane a draft again."),
    "dev": ("warden.cli.dev", "Run an embedded OpenBao of your own."),
    "doctor": ("warden.cli.doctor", "Check what is set up and what is missing."),
    "evidence": ("warden.cli.evidence", "Pack proofs, approvals and rotations for others, signed."),
    "help": ("warden.cli.topics", "Explain exit codes, environment variables, or SSH."),
    "init": ("warden.cli.init", "Create the first files of a platform directory."),
    "inventory": ("warden.cli.inventory", "List and add actors and hosts of SSH certificates."),
    "issue": ("warden.cli.issue", "Make an SSH key and have it certified for an actor."),
    "journal": ("warden.cli.journal", "Read, verify and sign the record of every effect."),
    "login": ("warden.cli.login", "Log in to OpenBao as a person, with a browser."),
    "next": ("warden.cli.next", "Show what is left to do, for whom, and what does it."),
    "notices": ("warden.cli.notices", "Show who is told what happens, and send what is queued."),
    "plan": ("warden.cli.plan", "Show how OpenBao and the clusters differ from the lane."),
    "playbook": ("warden.cli.playbook", "Render the page that people read of a lane."),
    "promote": ("warden.cli.promote", "Declare a lane active, by a fresh proof."),
    "prove": ("warden.cli.prove", "Prove live who may read a lane and who may not."),
    "put": ("warden.cli.put", "Write values into fields of a lane."),
    "reactivate": ("warden.cli.reactivate", "Open a closed lane again."),
    "render": ("warden.cli.render", "Print a delivery's Kubernetes objects, for GitOps."),
    "rotate": ("warden.cli.rotate", "Replace a value, and show that the old one is refused."),
    "route": ("warden.cli.route", "Find who owns a credential and how to get it."),
    "sign": ("warden.cli.sign", "Sign an SSH public key for an actor."),
    "ssh": ("warden.cli.ssh", "Manage SSH certificates: CAs, hosts, revocation."),
    "status": ("warden.cli.status", "Show the status of each lane."),
    "sync": ("warden.cli.sync", "Refresh a lane's deliveries now."),
    "who-can": ("warden.cli.who_can", "Find everybody who can read or change a lane, or gain access."),
}
"""See `lazy.Table`."""


def _no_such_command(group: click.Group, ctx: click.Context, fault: click.exceptions.NoSuchCommand) -> click.UsageError:
    from warden.cli.suggestions import commands_like

    near = commands_like(fault.command_name, group, ctx)
    meant = f" Did you mean {' or '.join(repr(each) for each in near)}?" if near else ""
    return click.UsageError(f"No such command {fault.command_name!r}.{meant}", ctx)


def _no_such_option(fault: click.NoSuchOption, argv: list[str]) -> click.ClickException:
    from warden.cli.suggestions import options_like

    meant = options_like(fault, argv)
    return click.UsageError(f"{fault.message} {meant}", fault.ctx) if meant else fault


class Root(LazyGroup):
    """The commands of `COMMANDS`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; a word that is not a command is answered with those that look like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as fault:
            raise _no_such_command(self, ctx, fault) from None


@click.group(
    cls=Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option(
    "--platform",
    metavar="DIR",
    help="The platform directory; default WARDEN_PLATFORM, a folder above, config.",
)
@click.option(
    "--env", metavar="NAME", help="The environment of platform.yaml; default WARDEN_ENV, the one that BAO_ADDR is of."
)
@click.version_option(package_name="warden", message="warden %(version)s")
@click.pass_context
def warden(ctx: click.Context, platform: str | None, env: str | None) -> None:
    """Declare, apply, use and prove credential lanes.

    \b
    Examples:
      warden route find "openrouter key"
      warden access openrouter-llm-connect -- llm-connect serve

    \b
    Exit codes, environment variables, SSH: warden help TOPIC.
    Completion: source <(warden completion bash).
    """
    ctx.obj = {"platform": platform}
    if env is not None:
        os.environ["WARDEN_ENV"] = env
    HERE.set(Surroundings(platform or "", _at_embedded, env or ""))


def _at_embedded() -> bool:
    """Whether BAO_ADDR is this machine's embedded platform; asked only where somebody has to log in."""
    from warden.cli import wiring

    return wiring.at_embedded()


def run() -> None:
    """Run the command line and exit with its code."""
    sys.exit(guarded(lambda: _dispatch(sys.argv[1:])))


def _dispatch(argv: list[str]) -> int:
    as_json = "--json" in argv[: argv.index("--") if "--" in argv else None]
    code, error = reported(lambda: _invoke(argv, as_json=as_json), as_json=as_json)
    started = error is None or argv[:1] != ["access"] or "--" not in argv
    return code if started else int(Exit.NOT_STARTED)


def _invoke(argv: list[str], *, as_json: bool) -> int:
    """Run click; its own exceptions become an exit code or an interruption."""
    expect_no_empty_value(argv)
    try:
        result = warden.main(argv, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as fault:
        fault.show()
        return int(Exit.USAGE)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoSuchOption as fault:
        terminal.usage(_no_such_option(fault, argv), as_json=as_json)
        return fault.exit_code
    except click.ClickException as fault:
        terminal.usage(fault, as_json=as_json)
        return fault.exit_code
    return int(result) if isinstance(result, int) else 0
