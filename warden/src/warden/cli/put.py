"""``warden put``: write one value into a field of a lane."""

import sys

import click

from warden.cli.context import Workspace
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.present import terminal

LARGEST = 512 * 1024
"""Bytes; OpenBao's KV stores at most 1 MiB an entry on raft storage."""


@click.command(context_settings={"allow_extra_args": True})  # click would quote a value that was given as an argument
@click.argument("lane")
@click.argument("field")
@click.option(
    "--as-is", is_flag=True, help="Write exactly this value, even if it looks cut, masked or has several lines."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def put(ctx: click.Context, /, lane: str, field: str, as_is: bool, as_json: bool) -> None:
    """Write one value into a field of a lane, typed without echo or read from standard input.

    \b
    Examples:
      warden put openrouter-llm-connect OPENROUTER_API_KEY
      pass show openrouter | warden put openrouter-llm-connect OPENROUTER_API_KEY
    \b
    The lane's other fields are kept. One line break at the end is removed.
    """
    from warden.present import put as present
    from warden.usecases import put as usecase

    _expect_no_value(ctx, lane, field)
    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    typed = sys.stdin.isatty()
    value = _typed(f"{field} for {lane} (not shown)") if typed else _piped()
    written = usecase.put(found, field, value, workspace.vault, workspace.journal, as_is=as_is, typed=typed)
    if as_json:
        terminal.document(written)
    else:
        present.show(written, closed=found.id in workspace.closed)


def _expect_no_value(ctx: click.Context, lane: str, field: str) -> None:
    """Raises `UsageError`, which does not repeat the value, where one was given on the command line."""
    if ctx.args or "=" in field:
        raise UsageError(
            "the command line takes no value: process lists and the shell's history would keep it",
            effect=Effect.NOTHING_WRITTEN,
            subject=lane,
            hint="if it was a real one, create a new one; then",
            remedy=(warden("put", "LANE", "FIELD"),),
        )


def _typed(prompt: str) -> Secret:
    import getpass

    return Secret(getpass.getpass(f"{prompt}: ", sys.stderr))


def _piped() -> Secret:
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise UsageError(
            f"the value is larger than {LARGEST} bytes",
            effect=Effect.NOTHING_WRITTEN,
            hint="check that it is the right file",
        )
    try:
        return Secret(raw.decode())
    except UnicodeDecodeError:
        raise UsageError(
            "the value is not valid UTF-8",
            effect=Effect.NOTHING_WRITTEN,
            hint="encode it first, for example with base64",
        ) from None
