"""The current time as it is written in logs, audit records and account names."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def utc_now() -> str:
    """Now in UTC, to the millisecond, in ISO 8601: 2026-11-24T07:20:00.000+00:00."""
    now = time.time()
    second = int(now)
    return f"{_to_the_second(second)}.{int((now - second) * 1000):03d}+00:00"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    """Cached, because it is needed several times for each request."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
