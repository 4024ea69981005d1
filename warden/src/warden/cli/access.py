"""``warden access``: advise, fetch one field, or become a command that has the lane's fields."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from warden.cli import wiring
from warden.cli.fast_access import VIAS, Call, one_line, run, the_lane
from warden.core.errors import Exit, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.access.advice import Advice


class Access(click.Command):
    """Takes what stands behind ``--`` away before click looks: it is the command's, whatever it looks like."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> click.Context:
        """As click's; wrong usage in front of a command is told as its other failures are: exit code 125."""
        before, command = _split(args)
        as_json = "--json" in before  # click empties the list
        try:
            ctx = super().make_context(info_name, before, parent, **extra)
        except click.UsageError as fault:
            if command is None:
                raise
            terminal.usage(fault, as_json=as_json)
            sys.exit(Exit.NOT_STARTED)
        ctx.meta["command"] = command
        return ctx


def _split(args: list[str]) -> tuple[list[str], list[str] | None]:
    if "--" not in args:
        return list(args), None
    at = args.index("--")
    return args[:at], args[at + 1 :]


@click.command(cls=Access, options_metavar="[OPTIONS]")
@click.argument("need", nargs=-1, required=True, metavar="NEED|ID [-- COMMAND …]")
@click.option("--fetch", metavar="FIELD", help="Write this field's value, and nothing else, to stdout.")
@click.option("--force", is_flag=True, help="With --fetch: also where stdout is a terminal.")
@click.option(
    "--as",
    "via",
    type=click.Choice(VIAS),
    default="env",
    show_default=True,
    help="Hand over as variables, or as sealed memory files named by FIELD_FILE.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why; journaled with the decision.")
@click.option("--token-file", metavar="FILE", help="Log in with the service-account token in FILE.")
@click.option("--json", "as_json", is_flag=True, help="Advice and errors as JSON.")
@click.pass_context
def access(ctx: click.Context, /, need: tuple[str, ...], fetch: str | None, as_json: bool, **how: Any) -> int:
    """Run a command with a lane's credential, as yourself; or say how to get at it.

    \b
    Examples:
      warden access openrouter-llm-connect -- llm-connect serve
      warden access "openrouter key"
    \b
    Exit codes: COMMAND's own; 125 stopped before COMMAND, 126 COMMAND cannot be run, 127 not found.
    Without COMMAND: 3 no answer or no journal, 4 refused, 5 closed.
    With --json, `code` is that of the failure itself.
    """
    command: list[str] | None = ctx.meta["command"]
    platform = wiring.platform_flag(ctx)
    if command is None:
        return _without_command(platform, " ".join(need), fetch, as_json=as_json, how=how)
    call = Call(need=list(need), command=command, platform=platform, as_json=as_json)
    call.via, call.reason, call.token_file = how["via"], how["reason"], how["token_file"]
    if fetch or how["force"]:
        call.command = []
    return run(call)


def _without_command(platform: str | None, need: str, fetch: str | None, *, as_json: bool, how: dict[str, Any]) -> int:
    if fetch is None:
        _advise(platform, need, as_json=as_json)
    else:
        _fetch(platform, need, fetch, how)
    return int(Exit.DONE)


def _fetch(flag: str | None, need: str, field: str, how: dict[str, Any]) -> None:
    from warden.usecases.access import Ask, fetch

    if sys.stdout.isatty() and not how["force"]:
        raise UsageError(
            "stdout is a terminal, and it would show the value. Nothing was read.",
            hint=f"Hand it to what needs it: warden access {need} -- COMMAND (or --force)",
        )
    platform = wiring.platform_at(flag)
    ask = Ask(lane=the_lane(platform, need), via="stdout", reason=one_line(how["reason"]))
    secret = fetch(
        ask,
        field,
        caller=wiring.caller(how["token_file"]),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
    )
    terminal.value(secret)


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
