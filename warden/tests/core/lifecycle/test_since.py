"""A point in time as people write it."""

import datetime as dt

import pytest

from warden.core.lifecycle.since import moment_of

NOW = dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("90m", dt.timedelta(minutes=90)),
        ("90min", dt.timedelta(minutes=90)),
        ("36h", dt.timedelta(hours=36)),
        ("36h ago", dt.timedelta(hours=36)),
        (" 7D ", dt.timedelta(days=7)),
        ("2w", dt.timedelta(weeks=2)),
        ("2026-11-30T08:00Z", dt.timedelta(hours=4)),
        ("2026-11-30T08:00", dt.timedelta(hours=4)),
        ("2026-11-30T09:00:00+01:00", dt.timedelta(hours=4)),
        ("2026-11-30", dt.timedelta(hours=12)),
        ("2026-11-30 08:00:00.123456789Z", dt.timedelta(hours=4) - dt.timedelta(microseconds=123456)),
    ],
)
def test_a_time_in_the_past(text, before):
    assert moment_of(text, NOW) == NOW - before


@pytest.mark.parametrize("text", ["", "yesterday", "-3h", "3", "3 moons", "2026-12-01", "2026-13-01", "9999999h"])
def test_what_is_no_time_or_is_to_come(text):
    assert moment_of(text, NOW) is None
