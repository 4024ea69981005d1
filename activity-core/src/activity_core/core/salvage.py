"""Read what is complete in a text that should be one JSON document and is not: cut off, fenced, broken somewhere.

Nothing is repaired. An object counts if it is valid JSON as it is. After a broken one, the search continues at the next
`{` from which a recommendation can be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from activity_core.core import strict_json

if TYPE_CHECKING:
    from collections.abc import Collection

_LIST = re.compile(r'"recommendations"\s*:\s*\[')
_OTHER_LIST = re.compile(r'\[\s*(?=\{\s*")')
_END = re.compile(r'\]\s*(?:\Z|\}|,\s*"\w{1,80}"\s*:)')  # of the list: the object ends, or its next key follows
_SUMMARY = re.compile(r'"summary"\s*:\s*(?=")')
_CANDIDATE = re.compile(r'"candidate"\s*:\s*"([^"\\]{1,80})"')
_BETWEEN = re.compile(r"[\s,]*")
_MOST_LISTS = 50
_FARTHEST = 20_000  # far more than the longest recommendation
_MOST_STARTS = 500  # places where an object is tried: the text after a failed try is read again


@dataclass
class Salvaged:
    """What is complete.

    Attributes:
        summary: empty if there is none.
        entries: of the list of recommendations, in its order.
        lost: pairs of the candidate of a broken entry (``-`` if unknown) and what is wrong with it.
        problems: what is wrong besides the entries.
    """

    summary: str
    entries: list[Any] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def salvage(text: str, ids: Collection[str] = ()) -> Salvaged:
    """The summary, the complete objects in the list of recommendations, and which of `ids` were lost."""
    salvaged = Salvaged(_summary(text))
    if start := _LIST.search(text):
        _read_list(text, start.end(), salvaged, ids)
        return salvaged
    salvaged.problems.append("no list of recommendations was found")
    for start in islice(_OTHER_LIST.finditer(text), _MOST_LISTS):
        if _is_recommendation(_value_at(text, start.end())[0]):
            salvaged.problems = ["a list with another name, or none, was read as the list of recommendations"]
            _read_list(text, start.end(), salvaged, ids)
            break
    return salvaged


def _read_list(text: str, at: int, salvaged: Salvaged, ids: Collection[str]) -> None:
    """Read what is complete in the list whose first entry begins at `at`."""
    for _ in range(_MOST_STARTS):
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= len(text):
            if not any("cut off" in reason for _, reason in salvaged.lost):
                salvaged.problems.append("the list is cut off: its end is missing")
            break
        if text[at] != "]":
            at = _read_entry(text, at, salvaged, ids)
        elif not _END.match(text, at) and (more := _next_recommendation(text, at)):
            salvaged.problems.append("the list is closed before its last entry")
            at = more
        else:
            break


def _read_entry(text: str, at: int, salvaged: Salvaged, ids: Collection[str]) -> int:
    """Read one entry of the list at `at`; return where the search continues."""
    value, end = _value_at(text, at)
    if end:
        salvaged.entries.append(value)
        return end
    later = _next_recommendation(text, at)
    reason = "an entry of the list is broken" if later else "the last entry of the list is broken or cut off"
    named = dict.fromkeys(name for name in _CANDIDATE.findall(text, at, later or len(text)) if name in ids)
    salvaged.lost += [(name, reason) for name in named or ("-",)]
    return later or len(text)


def _next_recommendation(text: str, at: int) -> int:
    """Where the next complete recommendation after `at` begins; 0 if there is none."""
    for start in (at + 1 + match.start() for match in re.finditer(r"\{", text[at + 1 :])):
        if _is_recommendation(_value_at(text, start)[0]):
            return start
        if start - at > _FARTHEST:
            break
    return 0


def _is_recommendation(value: Any) -> bool:
    return isinstance(value, dict) and "candidate" in value


def _value_at(text: str, at: int) -> tuple[Any, int]:
    """The value at `at` and where it ends; 0 if there is none."""
    try:
        return strict_json.value_at(text, at)
    except strict_json.NotJson:
        return None, 0


def _summary(text: str) -> str:
    start = _SUMMARY.search(text)
    value, _ = _value_at(text, start.end()) if start else ("", 0)
    return value if isinstance(value, str) else ""
