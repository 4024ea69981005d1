"""JSON as RFC 8259 has it and no more: UTF-8, no NaN, no name twice, nested at most `DEEPEST` times.

A name that stands twice is refused, since two readers could take different ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


DEEPEST = 100
"""Levels of lists and objects in one another: what reads a value after it was decoded has a stack to mind, too."""


class NotJson(Exception):
    """The octets are no JSON; the text says why and where, and quotes nothing of them."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a name stands twice in one object")
    return found


def _constant(_name: str) -> Any:
    raise NotJson("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def decoded(octets: bytes) -> str:
    """The text of UTF-8 octets, with or without a byte order mark.

    Raises:
        NotJson: they are no UTF-8.
    """
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise NotJson(f"no UTF-8 at octet {fault.start}") from None


def loads(text: str) -> Any:
    """The value of one JSON document.

    Raises:
        NotJson: it is none, or deeper than `DEEPEST`.
    """
    return _bounded(lambda: _DECODER.decode(text))


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends.

    Raises:
        NotJson: none begins there, or it is deeper than `DEEPEST`.
    """
    value, end = _bounded(lambda: _DECODER.raw_decode(text, at))
    return value, end


def _bounded(decoded: Callable[[], Any]) -> Any:
    try:
        value = decoded()
    except json.JSONDecodeError as fault:
        said = fault.msg.lower().removesuffix(" at")  # "Unterminated string starting at"
        raise NotJson(f"{said} at line {fault.lineno}, column {fault.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # an integer of more digits than Python reads
        raise NotJson("a number has too many digits") from None
    if _deeper(value):
        raise _too_deep()
    return value


def _too_deep() -> NotJson:
    return NotJson("it is nested too deeply")


def _deeper(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [each for whole in level for each in _inside(whole)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
