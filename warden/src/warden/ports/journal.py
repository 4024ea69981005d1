"""The record of every effect."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from warden.core.journal.chain import Chain, Head, Row
from warden.core.journal.operations import Unfinished
from warden.core.journal.record import LaneState, NewRecord, Record


class Journal(Protocol):
    """The append-only record of every effect. Each method raises `JournalUnwritable` and nothing else.

    What is stored and what it adds up to is decided in `warden.core.journal`: an adapter keeps rows. It serves every
    platform directory and OpenBao of a user. Each record carries the place it was made at, and states are of this one.
    """

    path: str
    """Where it is, as people name it."""

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number. A ``place`` in the body is kept."""

    def record_all(self, records: Sequence[NewRecord]) -> Sequence[int]:
        """Append several, or none, in one durable write."""

    def state(self, lane: str) -> LaneState:
        """What was last recorded of one lane at this place."""

    def states(self) -> Mapping[str, LaneState]:
        """The same for every lane that the journal knows."""

    def log(
        self, *, lane: str | None = None, last: int = 0, events: Sequence[str] = (), after: int = 0
    ) -> Sequence[Record]:
        """The newest `last` records (0: all) after that number, oldest first; of one lane, of some kinds, or of all."""

    def export(self, *, lane: str | None = None, after: int = 0) -> Iterator[Record]:
        """The same as `log`, oldest first, read a part at a time. Iterating raises as the rest does."""

    def unfinished(self, lane: str | None = None, *, last: int = 0) -> Sequence[Unfinished]:
        """The operations at this place that have no end, oldest first; of one lane, among its `last` records (0: all).

        Each record that begins an operation names the process that makes it, by which it is told whether it runs.
        """

    def here(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those of the records that may be of this place."""

    def head(self) -> Head:
        """The newest record's hash and number."""

    def origin(self) -> str:
        """Which journal it is: the hash of its first record; empty where it has none."""

    def restore(self, rows: Iterable[Row]) -> int:
        """Take over the rows of another journal as they are, into an empty one; how many there were."""

    def rows(self, events: Sequence[str] = ()) -> Iterator[Row]:
        """The rows as they are stored, oldest first; of these `events`, or all. Iterating raises as the rest does."""

    def verify(self, kept: Head | None = None, signed: Sequence[Head] = ()) -> Chain:
        """Walk the whole chain, also against a head that was kept elsewhere; breaks are findings, not errors.

        Those of `signed` that the chain never had are in the result, too.
        """
