"""The pieces in which a stream tells a call of a tool, put together. Pure; what a provider sends may have any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOLD_ONCE = frozenset({"index", "id", "type"})
_DEEPEST = 5
"""Levels of `tool_calls`: the delta, the list, the call, its function, and the texts in it."""


def put_together(deltas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One message of what its deltas said: texts one after the other, entries of lists by their `index`."""
    whole: dict[str, Any] = _whole(deltas, _DEEPEST)
    return whole


def _whole(pieces: Sequence[Any], levels: int) -> Any:
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if levels and all(isinstance(piece, dict) for piece in pieces):
        fields: dict[str, list[Any]] = {}
        for piece in pieces:
            for name, value in piece.items():
                fields.setdefault(name, []).append(value)
        return {name: _field(name, values, levels - 1) for name, values in fields.items()}
    if levels and all(isinstance(piece, list) for piece in pieces):
        entries: dict[Any, list[Any]] = {}
        for entry in (entry for piece in pieces for entry in piece):
            place = entry.get("index") if isinstance(entry, dict) else None
            by_itself = ("without one", len(entries))
            entries.setdefault(place if isinstance(place, int) else by_itself, []).append(entry)
        return [_whole(parts, levels - 1) for parts in entries.values()]
    return pieces[-1]


def _field(name: str, values: list[Any], levels: int) -> Any:
    told = [value for value in values if value is not None]
    if not told:
        return None
    return told[-1] if name in _TOLD_ONCE else _whole(told, levels)
