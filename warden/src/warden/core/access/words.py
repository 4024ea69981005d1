"""What the words of ``warden access`` mean: only an exact id decides what a command gets.

A need in words may lead to another lane tomorrow, when somebody adds an entry. So it gets advice, and nothing is read.
"""

from collections.abc import Sequence

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.lanes.catalog import Entry, NotALane, kind_of, nearest
from warden.core.lanes.lane import Lane
from warden.core.quoting import REMOVED, name
from warden.core.remedies import RunWarden, warden

_LEFT_OUT = "…"
"""Stands for a word of somebody's command that looks like secret material."""


class SeveralLanes(msgspec.Struct, frozen=True):
    """A command, or ``--fetch``, takes the fields of one lane, and several ids were given."""

    lanes: tuple[str, ...]


class NotAnId(msgspec.Struct, frozen=True):
    """What stands in the place of the id is not one; ``nearest`` is the id that looks most like it, if any does."""

    words: str
    nearest: str = ""


class ForgottenDashes(msgspec.Struct, frozen=True):
    """A command follows a lane's id without ``--`` between them."""

    lane: str
    command: str


def as_lane(entry: Entry) -> Lane:
    """The entry as the lane it has to be. Raises `UsageError`."""
    if isinstance(entry, Lane):
        return entry
    raise UsageError(
        NotALane(entry.id, kind_of(entry)),
        effect=Effect.NOTHING_READ,
        system="platform",
        subject=entry.id,
        remedy=(warden("access", entry.id),),
    )


def not_one_id(words: Sequence[str], known: Sequence[str], again: RunWarden) -> UsageError:
    """The error for words that are not the one id they have to be; `again` is the command that was meant."""
    text = name(" ".join(words))
    ids = tuple(dict.fromkeys(each for each in text.split() if each in known))
    if len(ids) > 1:
        return _usage(SeveralLanes(ids), text, (_for(ids[0], again),))
    near = next(iter(ids or nearest(text.replace(" ", "-"), known, 1)), "")
    remedy = (_for(near, again),) if near else (warden("access", text) if text.strip() else warden("route list"),)
    return _usage(NotAnId(text, near), text, remedy)


def expect_no_command(lane: Lane, command: str, again: RunWarden, *, executable: bool) -> None:
    """Raise `UsageError` where the word behind the lane's id is a command: one that can be run, or no field of it."""
    if executable or command not in lane.custody.fields:
        raise _usage(ForgottenDashes(lane.id, name(command)), lane.id, (_for(lane.id, again),))


def _usage(problem: msgspec.Struct, subject: str, remedy: tuple[RunWarden, ...]) -> UsageError:
    return UsageError(problem, effect=Effect.NOTHING_READ, system="platform", subject=subject, remedy=remedy)


def _for(lane: str, again: RunWarden) -> RunWarden:
    """The command with that id; what looks like secret material in it is left out."""
    program = tuple(_LEFT_OUT if REMOVED in name(word) else word for word in again.program)
    options = tuple((key, name(value)) for key, value in again.options)
    return msgspec.structs.replace(again, arguments=(lane,), options=options, program=program)
