"""``warden access``: advise, write one field to stdout, or become a command that has the lane's fields."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from warden.cli import wiring
from warden.cli.exit_guard import reported
from warden.cli.reason import journaled_reason
from warden.core.errors import CannotRun, CommandNotFound, Exit, UsageError
from warden.core.lanes.lane import Lane
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.access.advice import Advice


class UsageBeforeCommand(click.UsageError):
    """Wrong usage in front of ``-- COMMAND``, which ends like every failure in front of it."""

    exit_code = int(Exit.NOT_STARTED)


class Access(click.Command):
    """Sets the words behind ``--`` aside before click parses: they are the command's, whatever they look like."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> click.Context:
        """As click's; ``ctx.meta["command"]`` has the words behind ``--``, ``None`` without one."""
        at = args.index("--") if "--" in args else None
        before, command = (list(args), None) if at is None else (args[:at], args[at + 1 :])
        try:
            ctx = super().make_context(info_name, before, parent, **extra)
        except click.UsageError as fault:
            if command is None:
                raise
            raise UsageBeforeCommand(fault.format_message(), fault.ctx) from None
        ctx.meta["command"] = command
        return ctx


@click.command(cls=Access, options_metavar="[OPTIONS]")
@click.argument("need", nargs=-1, required=True, metavar="LANE|NEED [-- COMMAND …]")
@click.option("--fetch", metavar="FIELD", help="Write this field's value to stdout, and nothing else.")
@click.option("--force", is_flag=True, help="With --fetch: write it to a terminal too.")
@click.option(
    "--as",
    "via",
    type=click.Choice(["env", "fd"]),
    default="env",
    show_default=True,
    help="Pass the fields as environment variables, or as sealed memory files named by FIELD_FILE.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why you need it; recorded in the journal.")
@click.option("--token-file", metavar="FILE", help="Log in with the service account token in FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print advice and errors as JSON.")
@click.pass_context
def access(
    ctx: click.Context,
    /,
    *,
    need: tuple[str, ...],
    fetch: str | None,
    force: bool,
    via: Literal["env", "fd"],
    reason: str,
    token_file: str | None,
    as_json: bool,
) -> int:
    """Run a command with a lane's credential as yourself, or show how to get it.

    \b
    Examples:
      warden access openrouter-llm-connect -- llm-connect serve
      warden access "openrouter key"
    \b
    Exit codes with COMMAND (with --json, `code` is that of the failure itself):
      125  warden stopped before COMMAND
      126  COMMAND is not executable
      127  COMMAND not found
      else COMMAND's own
    """
    platform, wanted = wiring.platform_flag(ctx), " ".join(need)
    command: list[str] | None = ctx.meta["command"]
    if command is None and fetch is None:
        _advise(platform, wanted, as_json=as_json)
    elif command is None:
        _fetch(platform, wanted, str(fetch), force=force, reason=reason, token_file=token_file)
    else:
        code, error = reported(
            lambda: _become(
                platform, wanted, [] if fetch or force else command, via=via, reason=reason, token_file=token_file
            ),
            as_json=as_json,
        )
        return code if isinstance(error, CannotRun | CommandNotFound) else int(Exit.NOT_STARTED)
    return int(Exit.DONE)


def _become(
    flag: str | None, need: str, command: list[str], *, via: Literal["env", "fd"], reason: str, token_file: str | None
) -> NoReturn:
    from warden.usecases.access import Ask, run

    if not command:
        raise UsageError(
            "it takes either a COMMAND behind -- or --fetch FIELD. Nothing was read.",
            hint="warden access LANE -- COMMAND, or warden access LANE --fetch FIELD",
        )
    platform = wiring.platform_at(flag)
    run(
        Ask(lane=_lane(platform, need), via=via, reason=journaled_reason(reason), command=command[0]),
        command,
        caller=wiring.caller(token_file),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
        runner=wiring.runner(),
    )


def _fetch(flag: str | None, need: str, field: str, *, force: bool, reason: str, token_file: str | None) -> None:
    from warden.usecases.access import Ask, fetch

    if sys.stdout.isatty() and not force:
        raise UsageError(
            "stdout is a terminal, and it would show the value. Nothing was read.",
            hint=f"Hand it to what needs it: warden access {need} -- COMMAND (or --force)",
        )
    platform = wiring.platform_at(flag)
    secret = fetch(
        Ask(lane=_lane(platform, need), via="stdout", reason=journaled_reason(reason)),
        field,
        caller=wiring.caller(token_file),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
    )
    terminal.value(secret)


def _lane(platform: str, need: str) -> Lane:
    """The lane that is meant: by its id, or as the only entry that answers the need. Raises `UsageError` otherwise."""
    found = wiring.entries(platform, need)
    if len(found) > 1:
        raise UsageError(
            f'"{need}" may mean {", ".join(each.id for each in found)}. Nothing was read.',
            system="platform",
            subject=need,
            hint=f"Name the one: warden access {found[0].id}",
        )
    if isinstance(found[0], Lane):
        return found[0]
    raise UsageError(
        f"{found[0].id} is no lane: warden keeps no value there. Nothing was read.",
        system="platform",
        subject=found[0].id,
        hint=f"warden access {found[0].id}",
    )


def _advise(flag: str | None, need: str, *, as_json: bool) -> None:
    from warden.cli.route import state_of
    from warden.core.access.advice import advise
    from warden.core.lanes.routing import route

    journal, now = wiring.journal(), datetime.now(UTC)
    found = wiring.entries(wiring.platform_at(flag), need)
    routes = [route(each, journal.state(each.id), now) for each in found]
    advice = [advise(each, journal.state(each.id), one.proof) for each, one in zip(found, routes, strict=True)]
    if as_json:
        terminal.document(advice[0] if len(advice) == 1 else advice)
        return
    for each, one in zip(advice, routes, strict=True):
        _show(each, state_of(one))


def _show(advice: "Advice", state: str) -> None:
    terminal.line(f"{advice.id} · {advice.title}")
    owners = ", ".join(f"{repo} ({stretch})" for stretch, repo in advice.owners.items())
    shown = [("owners", owners), ("path", advice.path), ("fields", ", ".join(advice.fields)), ("state", state)]
    shown += [("reader", f"{way.reader} ({way.mount}, role {way.role})") for way in advice.readers]
    shown += [("log in", way.log_in) for way in advice.readers]
    shown += [("use it" if advice.kind == "lane" and advice.state == "active" else "next", advice.next_action)]
    for name, text in shown:
        if text:
            terminal.line(f"  {name:<8} {text}")
