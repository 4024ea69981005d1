"""Where a field of the configuration file stands, as FILE:LINE.

tomllib tells no lines, but it tells which entries a document has, and one that is cut after a whole entry is a document
still. So the line of an entry is where the shortest beginning that has it goes on from the longest that has it not.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

_LARGEST = 64 * 1024  # characters; of a larger file the lines would take seconds to find
_LONGEST_ENTRY = 200  # lines
_INDEX = re.compile(r"\[(\d{1,6})\]")
Key = str | int


class TomlLines:
    """The places in one file.

    Args:
        path: as it is told.
        text: the file; it is a TOML document.
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._small = len(text) <= _LARGEST
        self._read: dict[int, dict[str, Any] | None] = {}

    def of(self, field: str) -> str:
        """``FILE:LINE`` of a field as faults name it, or of the table that it is missing in; else ``FILE``."""
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
        """The most lines, up to `count`, that are a document: not one that ends within an entry."""
        for fewer in range(count, max(least, count - _LONGEST_ENTRY), -1):
            if self._beginning(fewer) is not None:
                return fewer
        return least

    def _beginning(self, count: int) -> dict[str, Any] | None:
        """The document that the first lines are; None where they are none."""
        if count not in self._read:
            try:
                self._read[count] = tomllib.loads("\n".join([*self._lines[:count], ""]))
            except tomllib.TOMLDecodeError:
                self._read[count] = None
        return self._read[count]


def _keys(value: Any, field: str) -> list[Key]:
    """The way to `field`, as far as it goes: `profiles.a.model`, `models."b/c".retries`, `budgets[0].usd`."""
    keys: list[Key] = []
    while field:
        key, length = _first(value, field)
        if key is None:
            break
        keys.append(key)
        value, field = value[key], field[length:].removeprefix(".")
    return keys


def _first(value: Any, field: str) -> tuple[Key | None, int]:
    """The key in `value` that `field` begins with, and how long it is written; a name may hold dots itself."""
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
