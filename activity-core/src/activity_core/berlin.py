"""Days as people in Berlin count them; a run belongs to the day on which it began there."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


def day(moment: datetime) -> str:
    """The Berlin date of an aware moment, ``2026-11-24``."""
    return moment.astimezone(ZONE).date().isoformat()


def clock_time(moment: datetime) -> str:
    """The Berlin time of an aware moment with the zone's abbreviation, ``07:20 CET``."""
    return f"{moment.astimezone(ZONE):%H:%M %Z}"


def iso(moment: datetime) -> str:
    """ISO 8601 UTC to the second, ``2026-11-24T06:20:00Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"  # %Y has no zeros before it


def parsed(text: str) -> datetime:
    """The aware moment of `iso`."""
    return datetime.fromisoformat(text)


def span(seconds: float) -> str:
    """A length of time for people: ``42 s``, ``12 min``, ``3 h``, ``2 d``; never negative."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
