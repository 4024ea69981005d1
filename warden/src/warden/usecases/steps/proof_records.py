"""The records around the proofs of a run: one before the first probe of a lane, one after its proof or failure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from warden.core.errors import JournalUnwritable, failure_kind
from warden.ports.journal import Journal


class ProofRecords:
    """Remembers of each lane the number of the record by which its proof began."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._begun: dict[str, int] = {}

    def begin(self, lane: str, body: Mapping[str, Any]) -> None:
        """Before anything is asked. Raises `JournalUnwritable`."""
        self._begun[lane] = self._journal.record("probe.begin", lane, body)

    def begin_of(self, lane: str) -> dict[str, int]:
        """``begin``, as the record that ends it has it; empty for a lane of which nothing was asked."""
        return {"begin": self._begun[lane]} if lane in self._begun else {}

    def ended(self, lane: str) -> None:
        """Its end was recorded."""
        self._begun.pop(lane, None)

    @contextmanager
    def failure_recorded(self) -> Iterator[None]:
        """Record of each lane that was being proven that it was not, if an error ends it in here."""
        try:
            yield
        except JournalUnwritable:
            raise
        except BaseException as fault:
            kind = failure_kind(fault)
            ends = [("probe.failed", lane, {"begin": begin, "kind": kind}) for lane, begin in self._begun.items()]
            with suppress(JournalUnwritable):  # the error that ended it is the one to report
                self._journal.record_all(ends)
            raise
