"""The records of the steps of a closing, between the one by which it begins and the one that ends it."""

from typing import Any

from warden.core.journal.operations import Operation
from warden.core.lifecycle.closing import Step
from warden.ports.journal import Journal


class StepRecords:
    """Writes ``deactivate.step`` and the like; ``begin`` is the number of the record that the operation began by."""

    def __init__(self, operation: Operation, lane: str, begin: int, journal: Journal) -> None:
        self._event = f"{operation}.step"
        self._lane = lane
        self._begin = begin
        self._journal = journal

    def record(self, step: Step, **facts: Any) -> None:
        """One record: the step, and what is about to be done or was done. Raises `JournalUnwritable`."""
        where = {"cluster": step.cluster} if step.cluster else {}
        body = {"begin": self._begin, "step": step.kind, "subject": step.subject, **where, **facts}
        self._journal.record(self._event, self._lane, body)
