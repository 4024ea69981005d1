"""What is different from the last report of an earlier day."""

from __future__ import annotations

from typing import Any


def changes(before: dict[str, Any] | None, items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """New, gone and moved candidates since `before`, a report; None where there is none."""
    if before is None:
        return None
    old = {item["candidate"]: item for item in before["items"]}
    new = {item["candidate"]: item for item in items}
    return {
        "since": before["day"],
        "new": [each for each in new if each not in old],
        "gone": [{"candidate": each, "title": item["title"]} for each, item in old.items() if each not in new],
        "moved": [
            {"candidate": each, "from": old[each]["rank"], "to": item["rank"]}
            for each, item in new.items()
            if each in old and old[each]["rank"] != item["rank"]
        ],
    }
