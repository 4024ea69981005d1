"""Reads JSON strictly: what Python's own reader accepts beyond the standard is refused.

Refused are NaN and Infinity, numbers that overflow, a key that is given twice (which of two `model_name`s is meant?),
lone surrogates (they cannot be sent on as UTF-8), and more than MAX_NESTING levels. jiter does all of that but one
thing: a number such as 1e400 becomes infinite, so documents that may have one are checked afterwards (docs/adr/0027).
"""

from __future__ import annotations

import math
import re
from typing import Any

import jiter

MAX_NESTING = 200
"""jiter's own limit."""
_MAX_MESSAGE_LENGTH = 200
_MAY_OVERFLOW = re.compile(rb"\d[eE]\+?\d{3}|\d{300}")


class NotJson(ValueError):
    """The text is not acceptable JSON; `str()` says what is wrong and where."""


def loads(octets: bytes) -> Any:
    """The value of a JSON document in UTF-8.

    Raises:
        NotJson: for anything that is not JSON in the sense above.
    """
    try:
        value = jiter.from_json(octets, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise NotJson(str(error)[:_MAX_MESSAGE_LENGTH]) from None
    if _MAY_OVERFLOW.search(octets) and _has_infinity(value):
        raise NotJson("a number is too large")
    return value


def _has_infinity(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    if isinstance(value, list):
        return any(map(_has_infinity, value))
    return isinstance(value, float) and math.isinf(value)
