"""What changed since the last report of an earlier day."""

from __future__ import annotations

from typing import Any


def changes(previous: dict[str, Any] | None, items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """New, gone and moved candidates since `previous`, a report. None if there is no previous report."""
    if previous is None:
        return None
    old = {item["candidate"]: item for item in previous["items"]}
    new = {item["candidate"]: item for item in items}
    return {
        "since": previous["day"],
        "new": [each for each in new if each not in old],
        "gone": [{"candidate": each, "title": item["title"]} for each, item in old.items() if each not in new],
        "moved": [
            {"candidate": each, "from": old[each]["rank"], "to": item["rank"]}
            for each, item in new.items()
            if each in old and old[each]["rank"] != item["rank"]
        ],
    }
