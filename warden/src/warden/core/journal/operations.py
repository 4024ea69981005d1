"""Operations in the journal: each has a record before it and one after it, which are paired by the first one's number.

    put.begin -> put.done | put.failed | put.abandoned

An operation whose beginning has no end is running, or was killed. Whoever looks at its target next records the end, as
``abandoned``, with what was found.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from warden.core.journal.record import NewRecord, Record

Operation = Literal[
    "access",
    "adopt",
    "apply",
    "approval",
    "certificate",
    "change",
    "compromise",
    "deactivate",
    "demote",
    "krl",
    "probe",
    "promote",
    "put",
    "reactivate",
    "rotate",
    "ssh-ca",
    "sync",
    "token",
]
"""``certificate`` is the signing of one, ``krl`` publishes what is revoked, ``probe`` is a proof of one lane,
``rotate`` one run of a rotation, ``token`` a session of one of its readers in which a proof asks."""
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
CHANGING: frozenset[Operation] = frozenset({"adopt", "apply", "demote", "promote", "put", "rotate"})
"""Those that change what the lane is, so that it may be half changed."""

_ENDS = ("done", "failed", "abandoned")
_OTHER_ENDS: Mapping[Operation, tuple[str, ...]] = {
    "access": ("access.handed",),
    "certificate": ("certificate.issued", "certificate.refused"),
    "change": ("change.applied",),
    "demote": ("lane.demoted",),
    "probe": ("proof", "member.proof"),
    "promote": ("lane.promoted",),
    "rotate": ("rotate.killed", "rotate.unproven", "rotate.waiting", "rotate.stopped", "rotate.rolled-back"),
}

ENDS: Mapping[str, tuple[str, ...]] = {
    f"{name}.begin": (*(f"{name}.{end}" for end in _ENDS), *_OTHER_ENDS.get(name, ())) for name in OPERATIONS
}
"""Each event that begins an operation, and the events that end it: those whose ``begin`` is the number of its record.

Records of earlier versions have no such number, and name no process: any later end counts for them.
"""


class Process(msgspec.Struct, frozen=True):
    """Who carries out an operation: a process, and the host that it runs on."""

    host: str
    pid: int


class Unfinished(msgspec.Struct, frozen=True):
    """An operation of which the journal has no end: it is `running`, or it was killed."""

    record: Record
    running: bool

    @property
    def operation(self) -> Operation:
        """Which one."""
        found: Operation = msgspec.convert(self.record.event.removesuffix(".begin"), Operation)
        return found


def process_of(body: Mapping[str, object]) -> Process | None:
    """The process that a record names; ``None`` where it names none, as those of earlier versions."""
    try:
        return msgspec.convert(body.get("process"), Process)
    except msgspec.ValidationError:
        return None


def killed(found: Iterable[Unfinished], operation: Operation, **facts: object) -> list[Record]:
    """The records of those that are not running, of one kind, whose body says these facts."""
    return [
        each.record
        for each in found
        if each.operation == operation
        and not each.running
        and all(each.record.body.get(name) == fact for name, fact in facts.items())
    ]


def abandoned(record: Record, **found: object) -> NewRecord:
    """The record that ends an operation which was killed: which one, and what was found."""
    return (record.event.removesuffix("begin") + "abandoned", record.lane, {"begin": record.seq, **found})
