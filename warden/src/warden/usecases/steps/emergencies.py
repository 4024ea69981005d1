"""Certificates that were signed without OpenBao, as the journal has them."""

from warden.core.ssh.emergency import EVENTS, Emergency, emergencies
from warden.core.ssh.issue_log import ACKNOWLEDGED, EMERGENCY
from warden.ports.journal import Journal


def every_emergency(journal: Journal) -> list[Emergency]:
    """All of them, oldest first. Raises `JournalUnwritable`.

    Most platforms have none, and then no certificate is looked at.
    """
    marks = journal.log(events=(EMERGENCY, ACKNOWLEDGED))
    if not marks:
        return []
    return emergencies(journal.here(journal.log(events=EVENTS, after=marks[0].seq - 1)))


def waiting_emergencies(journal: Journal) -> list[Emergency]:
    """Those that nobody else has looked at."""
    return [each for each in every_emergency(journal) if each.acknowledged is None]
