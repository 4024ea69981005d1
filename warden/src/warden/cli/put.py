"""``warden put``: write values into fields of a lane."""

import sys
from collections.abc import Mapping

import click

from warden.cli import complete
from warden.cli.context import Workspace
from warden.core.errors import Effect, UsageError
from warden.core.lanes.lane import Lane
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.present import terminal

LARGEST = 512 * 1024
"""Bytes; OpenBao's KV stores at most 1 MiB an entry on raft storage."""


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@click.argument("fields", nargs=-1, metavar="[FIELD]...", shell_complete=complete.fields)
@click.option("--as-is", is_flag=True, help="Write exactly these values, even if one looks cut, or like a placeholder.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def put(ctx: click.Context, /, lane: str, fields: tuple[str, ...], as_is: bool, as_json: bool) -> None:
    """Write values into fields of a lane, typed without echo or read from standard input.

    \b
    Examples:
      warden put openrouter-llm-connect
      pass show openrouter | warden put openrouter-llm-connect OPENROUTER_API_KEY
      sops -d issue-core.json | warden put issue-core-ingestion-api-key

    Without FIELD it is every field of the lane. Several values come from prompts, or from one JSON object on
    standard input, and make one version. Other fields are kept. One line break at the end of a value is removed.
    """
    from warden.present import put as present
    from warden.usecases import put as usecase

    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    _expect_no_value(found, fields)
    typed = sys.stdin.isatty()
    values = _typed_values(found, fields) if typed else _piped_values(found, fields, as_is=as_is)
    _expect_unicode(values)
    written = usecase.put(found, values, workspace.vault, workspace.journal, as_is=as_is, typed=typed)
    if as_json:
        terminal.document(present.as_json(written))
    else:
        present.show(written, closed=workspace.is_closed(found))


def _expect_no_value(lane: Lane, fields: tuple[str, ...]) -> None:
    """Raises `UsageError`, which does not repeat the value, where one was given on the command line.

    A second word that is not like any field is taken for a value. Raises `Missing` for other words that are not fields.
    """
    from warden.core.lanes.catalog import nearest
    from warden.usecases.put import expect_declared

    declared = lane.custody.fields
    unknown = [each for each in fields if each not in declared]
    if any("=" in each for each in fields) or (
        len(fields) > 1 and not all(nearest(each, declared) for each in unknown)
    ):
        raise UsageError(
            "the command line takes no value: process lists and the shell's history would keep it",
            effect=Effect.NOTHING_WRITTEN,
            subject=lane.id,
            hint="if it was a real one, create a new one; then",
            remedy=(warden("put", lane.id, *(each for each in fields if each in declared)),),
        )
    expect_declared(lane, fields)


def _typed_values(lane: Lane, fields: tuple[str, ...]) -> dict[str, Secret]:
    """What is typed for each field. Of several, those that are left empty keep what they have."""
    wanted = fields or lane.custody.fields
    if len(wanted) == 1:
        return {wanted[0]: _typed(f"{wanted[0]} for {lane.id} (not shown)")}
    typed = {field: _typed(f"{field} for {lane.id} (not shown; empty: unchanged)") for field in wanted}
    found = {field: value for field, value in typed.items() if value.reveal()}
    if not found:
        raise UsageError("no value was typed", effect=Effect.NOTHING_WRITTEN, subject=lane.id)
    return found


def _piped_values(lane: Lane, fields: tuple[str, ...], *, as_is: bool) -> dict[str, Secret]:
    """One value as it is; several, or those of a lane's one field by its name, from a JSON object."""
    from warden.core.access.given_values import given_values, is_object_of

    wanted, text = fields or lane.custody.fields, piped_value()
    if len(wanted) == 1 and (fields or as_is or not is_object_of(text, wanted)):
        return {wanted[0]: text}
    return given_values(text, wanted, named=bool(fields))


def _typed(prompt: str) -> Secret:
    import getpass

    return Secret(getpass.getpass(f"{terminal.question(prompt)}: ", sys.stderr))


def piped_value() -> Secret:
    """What is on standard input. Raises `UsageError` where that is too large, or not UTF-8."""
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
        raise _not_unicode() from None


def _expect_unicode(values: Mapping[str, Secret]) -> None:
    """A terminal's other bytes, and half a character as JSON can write it: OpenBao would keep something else."""
    try:
        for value in values.values():
            value.reveal().encode()
    except UnicodeEncodeError:
        raise _not_unicode() from None


def _not_unicode() -> UsageError:
    return UsageError(
        "the value is not valid UTF-8",
        effect=Effect.NOTHING_WRITTEN,
        hint="encode it first, for example with base64",
    )
