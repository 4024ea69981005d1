"""Merges the deltas of a streamed tool call. What a provider sends may have any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SENT_ONCE = frozenset({"index", "id", "type"})
_MAX_DEPTH = 5
"""Levels of `tool_calls`: the delta, the list, the call, its function, and the strings in it."""


def merge_deltas(deltas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One message from its deltas: strings are concatenated, list entries are matched by their `index`."""
    merged: dict[str, Any] = _merge(deltas, _MAX_DEPTH)
    return merged


def _merge(parts: Sequence[Any], levels: int) -> Any:
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if levels and all(isinstance(part, dict) for part in parts):
        fields: dict[str, list[Any]] = {}
        for part in parts:
            for name, value in part.items():
                fields.setdefault(name, []).append(value)
        return {name: _field(name, values, levels - 1) for name, values in fields.items()}
    if levels and all(isinstance(part, list) for part in parts):
        entries: dict[Any, list[Any]] = {}
        for entry in (entry for part in parts for entry in part):
            place = entry.get("index") if isinstance(entry, dict) else None
            by_itself = ("without one", len(entries))
            entries.setdefault(place if isinstance(place, int) else by_itself, []).append(entry)
        return [_merge(group, levels - 1) for group in entries.values()]
    return parts[-1]


def _field(name: str, values: list[Any], levels: int) -> Any:
    given = [value for value in values if value is not None]
    if not given:
        return None
    return given[-1] if name in _SENT_ONCE else _merge(given, levels)
