"""``warden access``: advise, fetch one field, or become a command that has the lane's fields."""

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from warden.cli import render, wiring
from warden.domain.catalog import Catalog
from warden.domain.errors import CannotRun, CommandNotFound, Exit, NotFound, Usage, WardenError
from warden.domain.lane import Lane

if TYPE_CHECKING:
    from warden.domain.advice import Advice


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
            render.usage(fault, as_json=as_json)
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
    type=click.Choice(["env", "fd"]),
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
    Without COMMAND: 3 no answer or no journal, 4 refused, 5 closed. --json: `code` is that of the failure itself.
    """
    command: list[str] | None = ctx.meta["command"]
    if command is None:
        return _without_command(ctx, " ".join(need), fetch, as_json=as_json, how=how)
    try:
        if not command or fetch:
            raise Usage(_WHICH, hint="warden access LANE -- COMMAND, or warden access LANE --fetch FIELD")
        _become(ctx, " ".join(need), command, how)
    except WardenError as fault:
        render.error(fault, as_json=as_json)
        return int(fault.exit if isinstance(fault, (CannotRun, CommandNotFound)) else Exit.NOT_STARTED)


_WHICH = "it takes either a COMMAND behind -- or --fetch FIELD. Nothing was read."


def _without_command(ctx: click.Context, need: str, fetch: str | None, *, as_json: bool, how: dict[str, Any]) -> int:
    if fetch is None:
        _advise(ctx, need, as_json=as_json)
    else:
        _fetch(ctx, need, fetch, how)
    return int(Exit.DONE)


def _become(ctx: click.Context, need: str, command: list[str], how: dict[str, Any]) -> NoReturn:
    from warden.verbs.access import Ask, run  # noqa: PLC0415 - advice needs none of it

    platform, lane = _lane(ctx, need)
    ask = Ask(lane=lane, via=how["via"], reason=_reason(how), command=command[0])
    run(
        ask,
        command,
        caller=wiring.caller(how["token_file"]),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
        runner=wiring.runner(),
    )


def _fetch(ctx: click.Context, need: str, field: str, how: dict[str, Any]) -> None:
    from warden.verbs.access import Ask, fetch  # noqa: PLC0415 - as above

    if sys.stdout.isatty() and not how["force"]:
        raise Usage(
            "stdout is a terminal, and it would show the value. Nothing was read.",
            hint=f"Hand it to what needs it: warden access {need} -- COMMAND (or --force)",
        )
    platform, lane = _lane(ctx, need)
    ask = Ask(lane=lane, via="stdout", reason=_reason(how))
    secret = fetch(
        ask,
        field,
        caller=wiring.caller(how["token_file"]),
        policy=wiring.policy(platform),
        journal=wiring.journal(),
    )
    render.value(secret)


def _reason(how: dict[str, Any]) -> str:
    return " ".join(str(how["reason"]).split())


def _lane(ctx: click.Context, need: str) -> tuple[str, Lane]:
    platform = wiring.platform_dir(ctx)
    catalog = wiring.catalog(platform)
    return platform, catalog.lane(_the_one(catalog, need))


def _the_one(catalog: Catalog, need: str) -> str:
    """The id that is meant: an exact one, or the only one that answers the need."""
    found = _candidates(catalog, need)
    if len(found) == 1:
        return found[0]
    raise Usage(
        f'"{need}" may mean {", ".join(found)}. Nothing was read.',
        system="platform",
        subject=need,
        hint=f"Name the one: warden access {found[0]}",
    )


def _candidates(catalog: Catalog, need: str) -> list[str]:
    try:
        return [catalog.entry(need).id]
    except NotFound:
        return wiring.meant(catalog, need)


def _advise(ctx: click.Context, need: str, *, as_json: bool) -> None:
    from warden.domain.advice import advise  # noqa: PLC0415 - a command needs none of it

    catalog = wiring.catalog(wiring.platform_dir(ctx))
    journal = wiring.journal()
    advice = [advise(catalog.entry(each), journal.state(each)) for each in _candidates(catalog, need)]
    if as_json:
        render.document(advice[0] if len(advice) == 1 else advice)
        return
    for each in advice:
        _show(each)


def _show(advice: "Advice") -> None:
    render.line(f"{advice.id} · {advice.title}")
    owners = ", ".join(f"{repo} ({stretch})" for stretch, repo in advice.owners.items())
    shown = [("owners", owners), ("path", advice.path), ("fields", ", ".join(advice.fields)), ("state", advice.state)]
    shown += [("reader", f"{way.reader} ({way.mount}, role {way.role})") for way in advice.readers]
    shown += [("log in", way.log_in) for way in advice.readers]
    shown += [("use it" if advice.kind == "lane" and advice.state == "active" else "next", advice.next_action)]
    for name, text in shown:
        if text:
            render.line(f"  {name:<8} {text}")
