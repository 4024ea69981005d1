"""The outbox: what was queued and has not arrived, by the journal's records.

    notice.queued -> notice.sent | notice.refused | notice.dropped

A notice is queued once for each channel, before it is sent. One that cannot be sent stays queued, and a later command
sends it, until it is too old to be of use.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Literal

import msgspec

from warden.core.journal.record import Record
from warden.core.notices.notice import WAITING, Kind, Notice
from warden.core.quoting import Facts

EVENTS = ("notice.queued", "notice.sent", "notice.refused", "notice.dropped")
_ENDS = frozenset({"notice.sent", "notice.refused", "notice.dropped"})

KEPT = dt.timedelta(days=7)
"""How long what was queued is tried again."""
SETTLED = dt.timedelta(seconds=30)
"""How long what was queued is left to the command that queued it."""
AT_ONCE = 20
"""How many of them one command sends."""

Channel = Literal["notify", "state-hub"]
"""Where it goes: ``notify`` and ``state_hub`` of ``platform.yaml``."""

Failure = Literal[
    "no-answer",
    "answered",
    "not-run",
    "ended",
    "timed-out",
    "token",
    "journal",
    "secret",
    "earlier",
    "interrupted",
]
"""Why a notice was not sent. ``answered``: with a status that refuses it; ``ended``: the command, with a code other
than 0; ``token``: the file with the token cannot be used; ``earlier``: the channel failed before in this command;
``interrupted``: nobody waited for it (Ctrl-C)."""


class Undelivered(Facts, frozen=True, kw_only=True):
    """A notice that did not go out: on which channel, why, and whether it is queued to be sent later.

    ``status`` is that of the answer, or the command's exit code; ``field`` is where the secret material stands.
    """

    kind: str
    lane: str
    channel: Channel
    failure: Failure
    status: int = 0
    field: str = ""
    queued: bool = True


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A notice in the outbox: the number of the record that queued it, and for which channel."""

    record: int
    channel: Channel
    notice: Notice


class ChannelQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A channel: its name, where it leads, and what is queued for it, oldest first."""

    name: Channel
    where: str
    queued: tuple[Queued, ...]


def queued_body(notice: Notice, channel: Channel) -> dict[str, object]:
    """The body of the record that queues a notice."""
    return {"channel": channel, "notice": msgspec.to_builtins(notice)}


def outbox(records: Iterable[Record]) -> list[Queued]:
    """What is queued after these records (of `EVENTS`, oldest first); records of another shape are passed over."""
    found: dict[int, Queued] = {}
    for record in records:
        if record.event in _ENDS:
            ended = record.body.get("queued")
            if isinstance(ended, int):
                found.pop(ended, None)
        elif record.event == "notice.queued" and (one := _queued(record)) is not None:
            found[record.seq] = one
    return list(found.values())


def takes(channel: Channel, kind: Kind) -> bool:
    """Whether notices of that kind are for the channel: the State Hub hears what happened, people also what waits."""
    return channel == "notify" or kind not in WAITING


def is_settled(queued: Queued, now: dt.datetime) -> bool:
    """Whether the command that queued it has had its time to send it."""
    return _is_older(queued, now, SETTLED)


def is_too_old(queued: Queued, now: dt.datetime) -> bool:
    """Whether nobody is helped by it any more."""
    return _is_older(queued, now, KEPT)


def _is_older(queued: Queued, now: dt.datetime, span: dt.timedelta) -> bool:
    try:
        return now - dt.datetime.fromisoformat(queued.notice.at) > span
    except (ValueError, TypeError):
        return True


def _queued(record: Record) -> Queued | None:
    try:
        return msgspec.convert({"record": record.seq, **record.body}, Queued)
    except msgspec.ValidationError:
        return None
