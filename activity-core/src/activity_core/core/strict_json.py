"""JSON as RFC 8259 defines it and no more: UTF-8, no NaN, no repeated key, at most `DEEPEST` levels.

A repeated key is an error, because two readers could take different values. jiter can check that, too, but it cannot
read one value in the middle of a text, which `salvage` needs (docs/adr/0023).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEEPEST = 100
"""Levels of nested lists and objects. Whatever walks the value afterwards has a stack limit, too."""


class NotJson(Exception):
    """The input is not valid JSON. The text says why and where, and quotes none of it."""


def _checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a key is repeated in one object")
    return found


def _reject_constant(_name: str) -> Any:
    raise NotJson("NaN and Infinity are not valid JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_checked_object, parse_constant=_reject_constant)


def decoded(octets: bytes) -> str:
    """The text of UTF-8 octets, with or without a byte order mark.

    Raises:
        NotJson: not valid UTF-8.
    """
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJson(f"not valid UTF-8 (byte {error.start})") from None


def loads(text: str) -> Any:
    """The value of one JSON document.

    Raises:
        NotJson: not valid, or deeper than `DEEPEST`.
    """
    return _within_depth(lambda: _DECODER.decode(text))


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and the index after its end.

    Raises:
        NotJson: no value begins there, or it is deeper than `DEEPEST`.
    """
    value, end = _within_depth(lambda: _DECODER.raw_decode(text, at))
    return value, end


def _within_depth(decode: Callable[[], Any]) -> Any:
    try:
        value = decode()
    except json.JSONDecodeError as error:
        problem = error.msg.lower().removesuffix(" at")  # "Unterminated string starting at"
        raise NotJson(f"{problem} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # an integer with more digits than Python reads
        raise NotJson("a number has too many digits") from None
    if _is_too_deep(value):
        raise _too_deep()
    return value


def _too_deep() -> NotJson:
    return NotJson(f"nested more than {DEEPEST} levels deep")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
