"""Finds the line of a field in the configuration file.

tomllib does not report lines. But a document that is cut after a complete entry is still a document. So the line of an
entry is found by bisection: it is the first line that the shortest such beginning with the entry adds.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

_MAX_LENGTH = 64 * 1024  # characters; in a larger file the search would take seconds
_MAX_ENTRY_LINES = 200
_INDEX = re.compile(r"\[(\d{1,6})\]")
Key = str | int


class TomlLines:
    """The lines of one file.

    Args:
        path: as it appears in error messages.
        text: the content; a valid TOML document.
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._small = len(text) <= _MAX_LENGTH
        self._read: dict[int, dict[str, Any] | None] = {}

    def of(self, field: str) -> str:
        """``FILE:LINE`` of a field, or of the table that it is missing in; ``FILE`` where it is not found."""
        keys = _keys(self._beginning(len(self._lines)) or {}, field) if self._small else []
        return f"{self._path}:{self._line(keys)}" if keys else self._path

    def _line(self, keys: list[Key]) -> int:
        without, with_it = 0, len(self._lines)
        while with_it - without > 1:
            middle = (without + with_it) // 2
            whole = self._whole(middle, without)
            if _has(self._beginning(whole), keys):
                with_it = whole
            else:
                without = middle
        return self._whole(with_it - 1, 0) + 1

    def _whole(self, count: int, least: int) -> int:
        """The largest number of lines, up to `count`, that are a document: one that does not end within an entry."""
        for fewer in range(count, max(least, count - _MAX_ENTRY_LINES), -1):
            if self._beginning(fewer) is not None:
                return fewer
        return least

    def _beginning(self, count: int) -> dict[str, Any] | None:
        """The document in the first lines; None if they are not one."""
        if count not in self._read:
            try:
                self._read[count] = tomllib.loads("\n".join([*self._lines[:count], ""]))
            except tomllib.TOMLDecodeError:
                self._read[count] = None
        return self._read[count]


def _keys(value: Any, field: str) -> list[Key]:
    """The path to `field`, as far as it exists: `profiles.a.model`, `models."b/c".retries`, `budgets[0].usd`."""
    keys: list[Key] = []
    while field:
        key, length = _first(value, field)
        if key is None:
            break
        keys.append(key)
        value, field = value[key], field[length:].removeprefix(".")
    return keys


def _first(value: Any, field: str) -> tuple[Key | None, int]:
    """The key in `value` that `field` begins with, and its length in `field`; a name may contain dots itself."""
    if isinstance(value, list):
        index = _INDEX.match(field)
        return (int(index[1]), index.end()) if index and int(index[1]) < len(value) else (None, 0)
    if not isinstance(value, dict):
        return None, 0
    written = [(key, len(form)) for key in value for form in (key, json.dumps(key)) if _begins(field, form)]
    return max(written, key=lambda found: found[1], default=(None, 0))


def _begins(field: str, form: str) -> bool:
    return field.startswith(form) and field[len(form) : len(form) + 1] in {"", ".", "["}


def _has(value: Any, keys: list[Key]) -> bool:
    for key in keys:
        if isinstance(value, dict):
            there = key in value
        else:
            there = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if not there:
            return False
        value = value[key]
    return True
