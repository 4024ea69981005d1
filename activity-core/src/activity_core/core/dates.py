"""Dates and times as people in Berlin count them. A run belongs to the day on which it began there."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")


def day(moment: datetime) -> str:
    """The date in Berlin of an aware moment: ``2026-11-24``."""
    return moment.astimezone(ZONE).date().isoformat()


def clock_time(moment: datetime) -> str:
    """The time in Berlin of an aware moment: ``07:20 CET``."""
    return f"{moment.astimezone(ZONE):%H:%M %Z}"


def iso(moment: datetime) -> str:
    """ISO 8601 UTC to the second: ``2026-11-24T06:20:00Z``."""
    # isoformat, since %Y does not pad years before 1000
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parsed(text: str) -> datetime:
    """The aware moment that `iso` wrote."""
    return datetime.fromisoformat(text)


def duration(seconds: float) -> str:
    """A duration for people: ``42 s``, ``12 min``, ``3 h``, ``2 d``; never negative."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
