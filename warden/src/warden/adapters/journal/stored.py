"""The port Journal on rows in a database: everything but how they are read and written there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from warden.adapters.journal import questions
from warden.adapters.journal.errors import CLOSED_UNKNOWN, os_user
from warden.adapters.journal.questions import Field, Question
from warden.adapters.machine.processes import runs, this_process
from warden.core.errors import DoneBefore, JournalUnwritable
from warden.core.journal.chain import GENESIS, Chain, Head, Row, walk
from warden.core.journal.encoding import Entry, entry, record
from warden.core.journal.operations import ENDS, Unfinished, process_of
from warden.core.journal.place import place_of
from warden.core.journal.record import LaneState, NewRecord, Record
from warden.core.journal.state import lane_states
from warden.ports.clock import Clock
from warden.ports.whereabouts import Whereabouts

AT_ONCE = 2000
"""Rows that are fetched at once where all of them are wanted."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class StoredJournal:
    """What every adapter has in common; a subclass adds `_append`, `_read` and `_expect_sound`.

    Without `whereabouts` records carry no place, and states are those that may hold anywhere.
    """

    field: ClassVar[Field]
    explained: ClassVar[Callable[[str, str], AbstractContextManager[None]]]
    """Every error of the database as the journal's own, given its path and what is not known because of it."""

    def __init__(
        self, path: str, *, clock: Clock = now, actor: str | None = None, whereabouts: Whereabouts | None = None
    ) -> None:
        self.path = path
        self._whereabouts = whereabouts
        self._clock = clock
        self._actor = actor or os_user()
        self._recorded = False

    # -- what a subclass adds -------------------------------------------------------------------------------------

    def _append(self, entries: Sequence[Entry]) -> list[int]:
        """Add them durably in one transaction; their numbers."""
        raise NotImplementedError

    def _read(self, question: Question) -> list[tuple[Any, ...]]:
        """What the database answers; nothing where there is no journal yet."""
        raise NotImplementedError

    def _expect_sound(self) -> None:
        """Raise `JournalUnwritable` where what keeps the rows is not as warden makes it."""
        raise NotImplementedError

    def restore(self, rows: Iterable[Row]) -> int:
        """Take over the rows of another journal as they are, into an empty one; how many there were."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the database (a process that ends or becomes another program need not)."""
        raise NotImplementedError

    @contextmanager
    def _explained(self, context: str = "") -> Iterator[None]:
        """Errors as the journal's own; after a record they do not say that nothing was done."""
        try:
            with type(self).explained(self.path, context):
                yield
        except JournalUnwritable as fault:
            if self._recorded:
                fault.effect = DoneBefore()
            raise

    # -- the port -------------------------------------------------------------------------------------------------

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number."""
        return self.record_all([(event, lane, body)])[0]

    def record_all(self, records: Sequence[NewRecord]) -> Sequence[int]:
        """Append several, or none, in one durable write."""
        if not records:
            return []
        place = self._place_of_records()
        process = {"process": msgspec.to_builtins(this_process())}
        entries = [
            entry(event, lane, {**place, **(process if event in ENDS else {}), **body}) for event, lane, body in records
        ]
        numbers = self._append(entries)
        self._recorded = True
        return numbers

    def state(self, lane: str) -> LaneState:
        """What the journal last said of one lane."""
        return self._states(self._records(questions.state(type(self).field, lane))).get(lane, LaneState())

    def states(self) -> Mapping[str, LaneState]:
        """What the journal last said of each lane it knows something of."""
        return self._states(self._records(questions.state(type(self).field)))

    def _states(self, records: Sequence[Record]) -> Mapping[str, LaneState]:
        """Where the journal has nothing to say, no server is asked where this is."""
        if not records or self._whereabouts is None:
            return lane_states(records)
        return lane_states(records, self._whereabouts.place(), self._whereabouts.address)

    def _place_of_records(self) -> dict[str, Any]:
        return {} if self._whereabouts is None else {"place": msgspec.to_builtins(self._whereabouts.place())}

    def here(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those of the records that may be of this place."""
        if not records or self._whereabouts is None:
            return records
        place = self._whereabouts.place()
        return [each for each in records if place_of(each.body).may_be(place)]

    def unfinished(self, lane: str | None = None, *, last: int = 0) -> Sequence[Unfinished]:
        """The operations at this place that have no end, oldest first; of one lane, among its `last` records."""
        found = self.here(self._records(questions.unfinished(type(self).field, lane, last)))
        at = self._clock()
        return [Unfinished(each, runs(process_of(each.body), datetime.fromisoformat(each.at), at)) for each in found]

    def log(
        self, *, lane: str | None = None, last: int = 0, events: Sequence[str] = (), after: int = 0
    ) -> Sequence[Record]:
        """The records after that number, oldest first: the `last` (0: all) newest, of one lane, of these `events`."""
        return self._records(questions.log(lane, last, events, after))[::-1]

    def export(self, *, lane: str | None = None, after: int = 0) -> Iterator[Record]:
        """The records after that number, oldest first, of one lane or of all; read a part at a time."""
        while found := self._records(questions.rows(after, AT_ONCE, (), lane)):
            yield from found
            after = found[-1].seq

    def head(self) -> Head:
        """The newest record's hash and number."""
        found = self._read(questions.LAST)
        return Head(*found[0]) if found else Head(GENESIS, 0)

    def origin(self) -> str:
        """Which journal it is: the hash of its first record; empty where it has none."""
        found = self._read(questions.FIRST)
        return str(found[0][0]) if found else ""

    def rows(self, events: Sequence[str] = ()) -> Iterator[Row]:
        """The rows as they are stored, oldest first; of these `events`, or all."""
        after: int | None = None
        while found := self._read(questions.rows(after, AT_ONCE, events)):
            yield from map(row, found)
            after = found[-1][0]

    def verify(self, kept: Head | None = None, signed: Sequence[Head] = ()) -> Chain:
        """Walk the whole chain; also against a head that was kept elsewhere, and those that were signed."""
        self._expect_sound()
        with self._explained():
            return walk(self.rows(), kept, signed)

    def _records(self, question: Question) -> list[Record]:
        found = self._read(question)
        with self._explained(CLOSED_UNKNOWN):
            return [record(row(each)) for each in found]


def row(found: Sequence[Any]) -> Row:
    """A row as the database answers it."""
    seq, at, event, lane, actor, body, digest = found
    return Row(seq=seq, at=at, event=event, lane=lane, actor=actor, body=body, hash=digest)
