"""A point in time as people write it: ``2026-11-30T08:00Z``, ``2026-11-30``, or ``36h`` (ago)."""

import datetime as dt
import re

_AGO = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)(?:\s+ago)?", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def moment_of(text: str, now: dt.datetime) -> dt.datetime | None:
    """The time that is meant, UTC where no zone is written; ``None`` where it is not one, or is to come."""
    words = text.strip()
    if found := _AGO.fullmatch(words):
        return now - dt.timedelta(seconds=int(found[1]) * _UNITS[found[2].lower()])
    try:
        at = dt.datetime.fromisoformat(words)
    except ValueError:
        return None
    at = (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    return at if at <= now else None
