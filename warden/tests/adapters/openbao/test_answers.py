"""What the server's own clock says."""

import datetime as dt

import pytest

from warden.adapters.openbao.answers import answered_at, is_past
from warden.core.openbao.api import Answer

NOW = dt.datetime(2026, 11, 29, 16, 53, 46, tzinfo=dt.UTC)


def at(date):
    return answered_at(Answer(status=200, body={}, headers={"date": date} if date else {}))


def test_the_time_of_an_answer_is_the_servers():
    assert at("Sun, 29 Nov 2026 16:53:46 GMT") == NOW
    assert at("Thu, 01 Jan 2026 00:00:00 GMT") == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "date", ["", "now", "Sun, 29 Foo 2026 16:53:46 GMT", "Sun, 99 Nov 2026 16:53:46 GMT", "a b c d e f"]
)
def test_a_server_that_does_not_say_what_time_it_is(date):
    assert at(date) is None


@pytest.mark.parametrize(
    ("deletion", "past"),
    [
        ("2026-11-29T16:53:45.9Z", True),
        ("2026-11-29T16:53:46.655171609Z", True),
        ("2026-11-29T16:53:47.1Z", False),
        ("2027-01-01T00:00:00Z", False),
        ("", False),
        (None, False),
    ],
)
def test_a_deletion_is_over_by_the_clock_that_set_it(deletion, past):
    assert is_past(deletion, NOW) is past
    assert is_past(deletion, None) is False
