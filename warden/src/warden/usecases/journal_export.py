"""The journal's records as events of another schema, from where an earlier export ended."""

from collections.abc import Iterator

import msgspec

from warden.core.errors import Effect, NotFound
from warden.core.journal.ocsf import Event, event_of
from warden.core.remedies import warden
from warden.ports.journal import Journal


class NoSuchRecord(msgspec.Struct, frozen=True):
    """The journal does not reach as far as an earlier export did: it is another one, or records were cut off."""

    path: str
    seq: int
    newest: int


class Export:
    """The records after a number, of one lane or of all; ``count`` and ``last`` grow as `events` is read.

    ``last`` is the number of the newest record that was exported, or the one to begin after.
    """

    def __init__(self, journal: Journal, *, lane: str | None = None, after: int = 0) -> None:
        self.lane = lane
        self.count = 0
        self.last = after
        self._journal = journal

    def events(self) -> Iterator[Event]:
        """One event for each record, oldest first.

        Raises `NotFound` where the journal has no record of that number: it is another journal, or records were
        cut off, and what follows would be missed. Raises `JournalUnwritable`.
        """
        journal = self._journal.origin()
        newest = self._journal.head().seq
        if self.last > newest:
            raise NotFound(
                NoSuchRecord(self._journal.path, self.last, newest),
                effect=Effect.NOTHING_WRITTEN,
                system="journal",
                subject=self._journal.path,
                remedy=(warden("journal log", last="1"),),
            )
        for record in self._journal.export(lane=self.lane, after=self.last):
            yield event_of(record, journal)
            self.count, self.last = self.count + 1, record.seq
