"""What somebody may have meant by a word that is not a command or an option."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import click

OTHER_WORDS = {
    "ccr": "change list",
    "cat": "access",
    "check": "catalog check",
    "close": "deactivate",
    "delete": "deactivate",
    "diff": "plan",
    "edit": "put",
    "exec": "access",
    "get": "access",
    "lanes": "route list",
    "lint": "catalog check",
    "ls": "route list",
    "open": "reactivate",
    "read": "access",
    "refresh": "sync",
    "reopen": "reactivate",
    "revoke": "deactivate",
    "renew": "rotate",
    "roll": "rotate",
    "run": "access",
    "search": "route find",
    "set": "put",
    "start": "dev up",
    "stop": "dev down",
    "test": "prove",
    "validate": "catalog check",
    "version": "--version",
    "write": "put",
}
"""Words of other tools for what a command here does."""


def commands_like(word: str, group: click.Group, ctx: click.Context) -> list[str]:
    """The commands of the group, and those inside its groups, that look like the word; the likeliest first."""
    names = dict(_names(group, ctx))
    if not ctx.parent and word.lower() in OTHER_WORDS:
        return [OTHER_WORDS[word.lower()]]
    near = [word.lower()] if word.lower() in names else get_close_matches(word.lower(), names, n=4, cutoff=0.65)
    if near and names[near[0]] == near[0]:  # one right here is likelier than one inside a group
        near = [each for each in near if names[each] == each]
    return list(dict.fromkeys(names[each] for each in near))[:2]


def _names(group: click.Group, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Each name and how it is called; a name that is a command here comes last, so that it wins."""
    listed = group.list_commands(ctx)
    for name in listed:
        inner = group.get_command(ctx, name)
        for below in inner.list_commands(ctx) if isinstance(inner, click.Group) else ():
            yield below, f"{name} {below}"
    yield from ((name, name) for name in listed)


def _of_warden(option: str, ctx: click.Context) -> str:
    """An option of `warden` itself with what it takes; empty for any other."""
    own = (each for each in ctx.find_root().command.params if option in each.opts and each.metavar)
    return next((f"{option} {each.metavar}" for each in own), "")


def options_like(fault: click.NoSuchOption, argv: Sequence[str]) -> str:
    """What to write instead of the option; empty where click's own message says enough."""
    command = fault.ctx.command if fault.ctx else None
    known = {name for each in (command.params if command else ()) for name in each.opts if name.startswith("--")}
    if fault.ctx and fault.ctx.parent and (ours := _of_warden(fault.option_name, fault.ctx)):
        return f"{ours} comes before the command: warden {ours} {fault.ctx.command_path.partition(' ')[2]} …"
    doubled = next((f"-{each}" for each in argv if f"-{each}".partition("=")[0] in known), "")
    return f"Did you mean '{doubled.partition('=')[0]}'?" if doubled and not fault.option_name.startswith("--") else ""
