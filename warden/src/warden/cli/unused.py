"""Options that would be ignored, and values that are empty: each is a usage error, so that nothing is passed over."""

from collections.abc import Sequence

import click
from click.core import ParameterSource

from warden.core.errors import Effect, UsageError

_ARGUMENT = "an argument"
_WITH_OWN_ERROR = frozenset(
    {"--approle", "--auth", "--cert", "--kv", "--platform", "--policies", "--reason", "--token-file"}
)
"""Options whose command says more about an empty value."""
_REQUIRED = frozenset({"--comment", "--key", "--output", "-o"})
"""Options that some command requires, so the advice cannot be to leave them out."""
_WITH_OWN_TEXT = frozenset({"access", "can-reach", "init", "put", "route", "who-can"})
"""Commands that say more about an empty argument."""


def expect_no_empty_value(argv: Sequence[str]) -> None:
    """Raise `UsageError` for the first empty argument, or option with an empty value, in front of ``--``."""
    before = argv[: argv.index("--")] if "--" in argv else argv
    for at, word in enumerate(before):
        empty = _empty(before[at - 1] if at else "", word)
        if empty == _ARGUMENT and not _WITH_OWN_TEXT.isdisjoint(before):
            continue
        if empty and empty not in _WITH_OWN_ERROR:
            hint = "give it a value" if empty in _REQUIRED else "leave it out, or give it a value"
            raise UsageError(f"{empty} is empty", effect=Effect.NOTHING_DONE, hint=hint, subject=empty)


def _empty(before: str, word: str) -> str:
    """What `word`, which stands behind `before`, leaves empty; empty where it is nothing."""
    name, equals, value = word.partition("=")
    if name.startswith("--") and equals and not value:
        return name
    if word:
        return ""
    return before if before.startswith("-") and "=" not in before else _ARGUMENT


def expect_used(ctx: click.Context, without: str, *names: str) -> None:
    """Raise `UsageError` for an option among the parameters `names` that was given and has no effect `without` that."""
    if options := _given(ctx, names):
        verb = "have" if len(options) > 1 else "has"
        raise UsageError(
            f"{', '.join(options)} {verb} no effect without {without}",
            effect=Effect.NOTHING_DONE,
            hint=f"leave it out, or add {without}",
        )


def expect_unused(ctx: click.Context, beside: str, *names: str) -> None:
    """Raise `UsageError` for an option among the parameters `names` that was given and has no effect `beside` that."""
    if options := _given(ctx, names):
        verb = "have" if len(options) > 1 else "has"
        raise UsageError(
            f"{', '.join(options)} {verb} no effect with {beside}",
            effect=Effect.NOTHING_DONE,
            hint=f"leave it out, or leave {beside} out",
        )


def _given(ctx: click.Context, names: Sequence[str]) -> list[str]:
    """The options of these parameters that the command line has."""
    given = [each for each in names if ctx.get_parameter_source(each) is ParameterSource.COMMANDLINE]
    return [opt for each in ctx.command.params if each.name in given for opt in each.opts[:1]]


def expect_one_part(clusters: Sequence[str], *, custody_only: bool) -> None:
    """Raise `UsageError` where a cluster is named, and no cluster is to be asked."""
    if clusters and custody_only:
        raise UsageError(
            "--custody-only asks no cluster, and --cluster names one",
            effect=Effect.NOTHING_ASKED,
            hint="give one of the two",
        )
