"""The time of day as it is written down."""

from __future__ import annotations

import pytest

from llm_connect.common.timestamps import utc_now


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (1795504800.0, "2026-11-24T07:20:00.000+00:00"),
        (1795504800.9876, "2026-11-24T07:20:00.987+00:00"),
        (1772323199.0625, "2026-02-28T23:59:59.062+00:00"),
    ],
)
def test_it_is_utc_to_the_millisecond(monkeypatch, seconds, written):
    monkeypatch.setattr("llm_connect.common.timestamps.time.time", lambda: seconds)
    assert utc_now() == written
