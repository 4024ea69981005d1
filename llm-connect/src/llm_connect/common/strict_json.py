"""Reads JSON strictly, in linear time: what Python's own reader accepts beyond the standard is refused.

Refused are NaN and Infinity, numbers that overflow, a key that is given twice (which of two `model_name`s is meant?),
lone surrogates (they cannot be sent on as UTF-8), and more than MAX_NESTING levels. jiter does all of that but two
things (docs/adr/0027): a number such as 1e400 becomes infinite, and the time that it takes to find a repeated key is
not bounded. So values and keys are counted before it reads, and the keys again in what it has read.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NamedTuple

import jiter

MAX_NESTING = 200
"""jiter's own limit."""
MAX_VALUES = 20_000
"""Values of one document: an empty object takes 3 bytes of JSON, 80 in memory, and a microsecond of the event loop."""
MAX_LONG_NUMBERS = 10
"""To write a whole number takes time that grows with the square of its length, which may be 4,300 digits."""
_DOUBLE_BITS = 1024
_MAX_MESSAGE_LENGTH = 200
_MAX_NAME_LENGTH = 60


class NotJson(ValueError):
    """The text is not acceptable JSON; `str()` says what is wrong and where."""


class TooManyValues(NotJson):
    """It has more values than are read."""


class Count(NamedTuple):
    """How many values a document has (keys are not counted among them), and how many keys."""

    values: int
    keys: int


def count(octets: bytes, max_values: int = MAX_VALUES) -> Count:
    """What a JSON document has, without making objects of it; for anything else, what was there before it went wrong.

    Raises:
        TooManyValues: more than `max_values`.
    """
    max_quotes = 4 * max_values  # each value may be a string, and have a key
    plain = octets.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in octets else octets
    parts = plain.split(b'"', max_quotes)
    outside = b"".join(parts[::2])
    found = Count(1 + outside.count(b",") + outside.count(b"[") + outside.count(b"{"), outside.count(b":"))
    if len(parts) > max_quotes or found.values > max_values:
        raise TooManyValues(f"it has more than {max_values} values")
    return found


def loads(octets: bytes, max_values: int = MAX_VALUES) -> Any:
    """The value of a JSON document in UTF-8.

    Raises:
        NotJson: for anything that is not JSON in the sense above.
        TooManyValues: it has more than `max_values`.
    """
    return read(octets, count(octets, max_values))


def read(octets: bytes, counted: Count) -> Any:
    """As `loads`, for a document whose values were counted.

    Raises:
        NotJson: see `loads`.
    """
    try:
        value = jiter.from_json(octets, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        raise NotJson(str(error)[:_MAX_MESSAGE_LENGTH]) from None
    found = _Contents(value)
    if found.keys != counted.keys:
        raise NotJson(_repeated(octets))
    if found.long > MAX_LONG_NUMBERS:
        raise NotJson(f"it has more than {MAX_LONG_NUMBERS} whole numbers beyond what a double can hold")
    return value


def _repeated(octets: bytes) -> str:
    """Names the key that is given twice; only on the way to an error, since it takes longer than everything else."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)

    json.loads(octets.decode(), object_pairs_hook=note)
    return f"the key {json.dumps(repeated[0])[:_MAX_NAME_LENGTH]} is given twice"


class _Contents:
    """What was read has: keys, and whole numbers beyond what a double can hold."""

    def __init__(self, value: Any) -> None:
        self.keys = self.long = 0
        self._add(value)

    def _add(self, value: Any) -> None:
        if isinstance(value, dict):
            self.keys += len(value)
            for each in value.values():
                self._add(each)
        elif isinstance(value, list):
            for each in value:
                self._add(each)
        elif isinstance(value, float):
            if math.isinf(value):
                raise NotJson("a number is too large")
        elif isinstance(value, int) and value.bit_length() > _DOUBLE_BITS:
            self.long += 1
