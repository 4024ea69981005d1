"""Certificates that were signed without OpenBao, as the journal has them."""

from collections.abc import Sequence

from warden.core.journal.record import Record
from warden.core.ssh.emergency import EVENTS, Emergency, emergencies, waiting
from warden.core.ssh.issue_log import ACKNOWLEDGED, EMERGENCY
from warden.ports.journal import Journal


def every_emergency(journal: Journal) -> list[Emergency]:
    """All of them, oldest first. Raises `JournalUnwritable`."""
    return emergencies(_ours(journal, EVENTS))


def waiting_emergencies(journal: Journal) -> list[Emergency]:
    """Those that nobody else has looked at. Raises `JournalUnwritable`.

    Most platforms have none; then no certificate of the issue log is read.
    """
    left = waiting(_ours(journal, (EMERGENCY, ACKNOWLEDGED)))
    return waiting(_ours(journal, EVENTS, left[0].record - 1)) if left else []


def _ours(journal: Journal, events: Sequence[str], after: int = 0) -> list[Record]:
    """The records of this platform. An emergency is of no OpenBao, and is acknowledged at whichever there is."""
    found = journal.log(events=events, after=after)
    here = {each.seq for each in journal.here([each for each in found if each.event == EMERGENCY])}
    return [each for each in found if each.event != EMERGENCY or each.seq in here]
