"""``warden access``: advise, write one field to stdout, or become a command that has the lane's fields."""

import functools
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal, wiring_ssh
from warden.cli.access_words import Words, words_of
from warden.cli.exit_guard import reported
from warden.cli.options import Duration, why_option
from warden.cli.reason import journaled_reason
from warden.cli.signals import ends_recorded
from warden.cli.unused import expect_used
from warden.core.errors import CannotRun, CommandNotFound, Effect, Exit, NotFound, UsageError
from warden.core.remedies import OneOf, warden
from warden.core.remedies import access as run_with
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.lanes.catalog import Entry
    from warden.core.lanes.lane import Lane
    from warden.core.notices.notice import Notice
    from warden.core.remedies import RunWarden
    from warden.ports.caller import Caller
    from warden.ports.journal import Journal
    from warden.usecases.steps.second_person import Waiting


class UsageBeforeCommand(click.UsageError):
    """Wrong usage in front of ``-- COMMAND``, which ends like every failure in front of it."""

    exit_code = int(Exit.NOT_STARTED)


class Access(click.Command):
    """Sets the words behind ``--`` aside before click parses: they are the command's, whatever they look like."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> click.Context:
        """As click's; ``ctx.meta["command"]`` has the words behind ``--``, ``None`` without one."""
        at = args.index("--") if "--" in args else None
        before, command = (list(args), None) if at is None else (args[:at], args[at + 1 :])
        words = words_of(before, {name for each in self.params for name in _valued(each)})
        try:
            ctx = super().make_context(info_name, before, parent, **extra)
        except click.UsageError as fault:
            if command is not None:
                raise UsageBeforeCommand(fault.format_message(), fault.ctx) from None
            if isinstance(fault, click.NoSuchOption) and parent is not None:
                _expect_no_command(parent, words)  # an option of the command's own, perhaps
            raise
        ctx.meta["command"], ctx.meta["words"] = command, words
        return ctx


def _valued(parameter: click.Parameter) -> list[str]:
    """The names of an option that takes a value."""
    return parameter.opts if isinstance(parameter, click.Option) and not parameter.is_flag else []


@click.command(cls=Access, options_metavar="[OPTIONS]")
@click.argument("need", nargs=-1, required=True, metavar="LANE|NEED [-- COMMAND …]", shell_complete=complete.lanes)
@click.option(
    "--fetch",
    metavar="FIELD",
    shell_complete=complete.fields,
    help="Write this field's value to stdout, and nothing else.",
)
@click.option("--force", is_flag=True, help="With --fetch: write it to a terminal too.")
@click.option(
    "--as",
    "via",
    type=click.Choice(["env", "fd"]),
    default="env",
    show_default=True,
    help="Pass the fields as environment variables, or as sealed memory files named by FIELD_FILE.",
)
@why_option
@click.option("--token-file", metavar="FILE", help="Log in with the token of a service account or CI job in FILE.")
@click.option("--role-id", metavar="ID", help="Log in as an AppRole: its RoleID; default WARDEN_ROLE_ID.")
@click.option("--secret-id-file", metavar="FILE", help="Log in as an AppRole, with the SecretID in FILE.")
@click.option("--wait", is_flag=True, help="Wait until others have approved, where the lane requires it.")
@click.option("--timeout", type=Duration(), metavar="TIME", help="With --wait: at most that long (90s, 15m, 1h).")
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
    role_id: str | None,
    secret_id_file: str | None,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Run a command with a lane's credential as yourself, or show how to get it.

    \b
    Examples:
      warden access openrouter-llm-connect -- llm-connect serve
      warden access "openrouter key"
      warden access npm-publish --wait -- npm publish

    \b
    Exit codes with COMMAND (with --json, `code` is that of the failure itself):
      125  warden stopped before COMMAND
      126  COMMAND is not executable
      127  COMMAND not found; otherwise COMMAND's own code
    """
    command: list[str] | None = ctx.meta["command"]
    as_whom = functools.partial(wiring.caller, token_file, role_id, secret_id_file)
    if not wait:
        expect_used(ctx, "--wait", "timeout")
    waiting = functools.partial(_waiting, timeout, as_json=as_json) if wait else None
    if command is None and fetch is None:
        _advise(ctx, need, as_json=as_json)
    elif command is None:
        expect_used(ctx, "-- COMMAND", "via")
        _fetch(ctx, need, str(fetch), force=force, reason=reason, as_whom=as_whom, waiting=waiting)
    else:
        code, error = reported(
            lambda: _become(
                ctx, need, [] if fetch or force else command, via=via, reason=reason, as_whom=as_whom, waiting=waiting
            ),
            as_json=as_json,
        )
        return code if isinstance(error, CannotRun | CommandNotFound) else int(Exit.NOT_STARTED)
    return int(Exit.DONE)


def _become(
    ctx: click.Context,
    need: tuple[str, ...],
    command: list[str],
    *,
    via: Literal["env", "fd"],
    reason: str,
    as_whom: "Callable[[], Caller]",
    waiting: "Callable[[], Waiting] | None",
) -> NoReturn:
    from warden.usecases.access import Ask, run

    if not command:
        raise UsageError(
            "give either a COMMAND behind -- or --fetch FIELD",
            effect=Effect.NOTHING_READ,
            remedy=(OneOf((run_with("LANE"), warden("access", "LANE", fetch="FIELD"))),),
        )
    platform = wiring.platform_dir(ctx)
    lane = _exact(platform, need, ctx.meta["words"].followed_by(command))
    journal = wiring_journal.journal(platform)
    with ends_recorded():
        run(
            Ask(
                lane=lane,
                via=via,
                reason=journaled_reason(reason),
                command=command[0],
                waiting=waiting() if waiting else None,
            ),
            command,
            caller=as_whom(),
            policy=wiring.policy(platform),
            journal=journal,
            runner=wiring.runner(),
            tell=functools.partial(_tell, platform, journal),
        )


def _fetch(
    ctx: click.Context,
    need: tuple[str, ...],
    field: str,
    *,
    force: bool,
    reason: str,
    as_whom: "Callable[[], Caller]",
    waiting: "Callable[[], Waiting] | None",
) -> None:
    from warden.usecases.access import Ask, fetch

    if sys.stdout.isatty() and not force:
        raise UsageError(
            "stdout is a terminal, which would show the value",
            effect=Effect.NOTHING_READ,
            remedy=(OneOf((run_with(need[0]), warden("access", need[0], fetch=field, force=True))),),
        )
    platform = wiring.platform_dir(ctx)
    lane = _exact(platform, need, ctx.meta["words"].followed_by(()))
    journal = wiring_journal.journal(platform)
    with ends_recorded():
        secret = fetch(
            Ask(
                lane=lane,
                via="stdout",
                reason=journaled_reason(reason),
                waiting=waiting() if waiting else None,
            ),
            field,
            caller=as_whom(),
            policy=wiring.policy(platform),
            journal=journal,
            tell=functools.partial(_tell, platform, journal),
        )
    terminal.progress_done()
    terminal.value(secret)


def _waiting(timeout: float | None, *, as_json: bool) -> "Waiting":
    from warden.present.approvals import WaitingShown
    from warden.usecases.steps.second_person import Waiting

    return Waiting(tell=WaitingShown() if not as_json else lambda *_: None, timeout=timeout or 0.0)


def _tell(platform: str, journal: "Journal", notice: "Notice") -> None:
    """Tell those who have to approve, and say at once whom that did not reach."""
    from warden.present.notices import show_undelivered

    found = wiring_files.notices(platform, wiring.catalog(platform).platform, journal)
    found.tell(notice)
    show_undelivered(tuple(found.undelivered))


def _exact(platform: str, words: tuple[str, ...], again: "RunWarden") -> "Lane":
    """The lane of exactly that id. Raises `UsageError` for any other words: a need decides nothing here."""
    from warden.core.access.words import as_lane, not_one_id

    if len(words) == 1:
        try:
            return as_lane(wiring.entry(platform, words[0]))
        except NotFound:
            pass
    raise not_one_id(words, wiring.entry_ids(platform), again)


def _expect_no_command(ctx: click.Context, words: Words) -> None:
    """Raise `UsageError` where a lane's id is followed by a command: ``--`` was forgotten."""
    import shutil

    from warden.core.access.words import expect_no_command
    from warden.core.lanes.lane import Lane

    platform = wiring.platform_dir(ctx)
    if not words.rest or words.first not in wiring.entry_ids(platform):
        return
    lane, command = wiring.entry(platform, words.first), words.rest[0]
    if isinstance(lane, Lane) and command not in wiring.entry_ids(platform):
        expect_no_command(lane, command, words.with_dashes, executable=shutil.which(command) is not None)


def _asked_about(platform: str, need: tuple[str, ...]) -> "tuple[list[Entry], bool]":
    """Each entry that was named by its id, else what the words may mean, and whether that is sure."""
    known = wiring.entry_ids(platform) if len(need) > 1 else ()
    if need[0] in known:
        return [wiring.entry(platform, each) for each in dict.fromkeys(need) if each in known], True
    return wiring.entries(platform, " ".join(need))


def _advise(ctx: click.Context, need: tuple[str, ...], *, as_json: bool) -> None:
    from warden.present import access as present
    from warden.usecases.access import advise

    platform = wiring.platform_dir(ctx)
    _expect_no_command(ctx, ctx.meta["words"])
    expect_used(ctx, "-- COMMAND", "via", "reason", "token_file", "role_id", "secret_id_file", "wait")
    expect_used(ctx, "--fetch", "force")
    entries, sure = _asked_about(platform, need)
    answers = advise(
        entries,
        wiring_journal.journal(platform, asks=False),
        datetime.now(UTC),
        wiring_files.counts_for(platform),
        functools.partial(wiring_ssh.read, platform),
    )
    if as_json:
        documents = [present.as_json(each) for each in answers]
        terminal.document(documents[0] if sure and len(documents) == 1 else documents)
    else:
        present.show(answers, sure=sure)
