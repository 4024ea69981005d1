"""What stands whole in a text that should be one JSON document and is not: cut off, fenced, broken in a place.

Nothing is completed: an object counts if it is JSON as it stands. After a broken one the search goes on at the next
`{` from which a recommendation can be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from activity_core import strict_json

if TYPE_CHECKING:
    from collections.abc import Collection

_LIST = re.compile(r'"recommendations"\s*:\s*\[')
_OTHER_LIST = re.compile(r'\[\s*(?=\{\s*")')
_END = re.compile(r'\]\s*(?:\Z|\}|,\s*"\w{1,80}"\s*:)')  # of the list: then the object ends, or has another name
_SUMMARY = re.compile(r'"summary"\s*:\s*(?=")')
_CANDIDATE = re.compile(r'"candidate"\s*:\s*"([^"\\]{1,80})"')
_BETWEEN = re.compile(r"[\s,]*")
_MOST_LISTS = 50
_FARTHEST = 20_000  # longer than the longest recommendation by far
_MOST_STARTS = 500  # places at which an object is looked for: what is tried in vain is read again


@dataclass
class Salvaged:
    """What stands whole.

    Attributes:
        summary: or empty.
        entries: of the list of recommendations, in its order.
        lost: pairs of the candidate of an entry that is broken, ``-`` where it cannot be told, and why it is none.
        missing: what is wrong beside the entries.
    """

    summary: str
    entries: list[Any] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def objects(text: str, ids: Collection[str] = ()) -> Salvaged:
    """The summary, the objects that stand whole in the list of recommendations, and what was lost, by these ids."""
    salvaged = Salvaged(_summary(text))
    if start := _LIST.search(text):
        _read_list(text, start.end(), salvaged, ids)
        return salvaged
    salvaged.missing.append("no list of recommendations was found")
    for start in islice(_OTHER_LIST.finditer(text), _MOST_LISTS):
        if _recommends(_decoded(text, start.end())[0]):
            salvaged.missing = ["a list under no or another name was read as that of the recommendations"]
            _read_list(text, start.end(), salvaged, ids)
            break
    return salvaged


def _read_list(text: str, at: int, salvaged: Salvaged, ids: Collection[str]) -> None:
    """What stands whole in the list whose first entry begins at `at`."""
    for _ in range(_MOST_STARTS):
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= len(text):
            if not any("cut off" in reason for _, reason in salvaged.lost):
                salvaged.missing.append("the list is cut off: its end is missing")
            break
        if text[at] != "]":
            at = _next(text, at, salvaged, ids)
        elif not _END.match(text, at) and (more := _later(text, at)):
            salvaged.missing.append("the list is closed before its last entry")
            at = more
        else:
            break


def _next(text: str, at: int, salvaged: Salvaged, ids: Collection[str]) -> int:
    """Read one entry of the list at `at`; where the search goes on."""
    value, end = _decoded(text, at)
    if end:
        salvaged.entries.append(value)
        return end
    later = _later(text, at)
    reason = "an entry of the list is broken" if later else "the last entry of the list is broken or cut off"
    named = dict.fromkeys(name for name in _CANDIDATE.findall(text, at, later or len(text)) if name in ids)
    salvaged.lost += [(name, reason) for name in named or ("-",)]
    return later or len(text)


def _later(text: str, at: int) -> int:
    """Where after `at` the next recommendation begins that stands whole; 0 where none does."""
    for start in (at + 1 + match.start() for match in re.finditer(r"\{", text[at + 1 :])):
        if _recommends(_decoded(text, start)[0]):
            return start
        if start - at > _FARTHEST:
            break
    return 0


def _recommends(value: Any) -> bool:
    return isinstance(value, dict) and "candidate" in value


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value at `at` and where it ends; 0 where there is none."""
    try:
        return strict_json.value_at(text, at)
    except strict_json.NotJson:
        return None, 0


def _summary(text: str) -> str:
    start = _SUMMARY.search(text)
    value, _ = _decoded(text, start.end()) if start else ("", 0)
    return value if isinstance(value, str) else ""
