"""``warden put``: bring a value into a field of a lane."""

import sys
from collections.abc import Sequence

import click

from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.core.errors import Exit, UsageError
from warden.core.lanes.lane import Lane
from warden.core.secret import Secret
from warden.present import terminal


@click.command(context_settings={"allow_extra_args": True})  # click would quote a value that was given as one
@click.argument("lane")
@click.argument("field")
@click.option("--as-is", is_flag=True, help="Write exactly what is given, also if it looks cut, masked or has lines.")
@json_option
@click.pass_context
def put(ctx: click.Context, /, lane: str, field: str, as_is: bool, as_json: bool) -> int:
    """Put a value into one field of a lane: typed without echo, or from standard input; never from the command line.

    \b
    Examples:
      warden put openrouter-llm-connect OPENROUTER_API_KEY
      pass show openrouter | warden put openrouter-llm-connect OPENROUTER_API_KEY
    \b
    It is merged with check-and-set: the lane's other fields survive. One line break at the end is
    taken off.
    Exit codes: 1 no such field, 2 the value looks wrong, 3 no answer, 4 refused, 5 held.
    """
    from warden.usecases.put import put as write

    if ctx.args or "=" in field:
        raise UsageError(
            "a value is never taken from the command line, where every process list and the shell's history have it. "
            "Nothing was written.",
            subject=lane,
            hint="if it was a real one, make a new one; then, without it: warden put LANE FIELD",
        )
    bench = Workspace.of(ctx)
    found = bench.lane(lane)
    typed = sys.stdin.isatty()
    value = _typed(f"{field} for {lane} (not shown)") if typed else _piped()
    written = write(found, field, value, bench.vault, bench.journal, as_is=as_is, typed=typed)
    if as_json:
        terminal.document(written)
    else:
        terminal.sentence(f"{field} is in version {written.version} of {written.path} · journal {written.record}")
        if written.missing:
            terminal.line(f"No value yet: {', '.join(written.missing)}.")
        terminal.sentence(_following(found, bench, written.missing))
    return int(Exit.DONE)


def _following(lane: Lane, bench: Workspace, missing: Sequence[str]) -> str:
    """What comes after `apply` and `put`; `missing` are fields that have no value yet."""
    if lane.id in bench.closed:
        return f"The lane is closed; to open it: warden reactivate {lane.id}"
    return f"Next: warden put {lane.id} {missing[0]}" if missing else f"Next: warden prove {lane.id}"


def _typed(prompt: str) -> Secret:
    import getpass

    return Secret(getpass.getpass(f"{prompt}: ", sys.stderr))


def _piped() -> Secret:
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise UsageError(
            f"the value is larger than {LARGEST} bytes. Nothing was written.", hint="is it the right file?"
        )
    try:
        return Secret(raw.decode())
    except UnicodeDecodeError:
        raise UsageError(
            "the value is no UTF-8 text. Nothing was written.", hint="encode it, for example: base64 -w0 FILE"
        ) from None


LARGEST = 512 * 1024
"""Bytes; OpenBao's KV stores at most 1 MiB an entry on raft storage."""
