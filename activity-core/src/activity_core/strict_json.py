"""JSON as RFC 8259 has it and no more: UTF-8, no NaN, no name twice, a bounded depth.

A name that stands twice is refused, since two readers could take different ones.
"""

from __future__ import annotations

import json
from typing import Any


class NotJson(Exception):
    """The octets are no JSON; the text says why and where, and quotes nothing of them."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a name stands twice in one object")
    return found


def _constant(_name: str) -> Any:
    raise NotJson("NaN and Infinity are no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


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
        NotJson: it is none, or deeper than the interpreter reads.
    """
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as fault:
        said = fault.msg.lower().removesuffix(" at")  # "Unterminated string starting at"
        raise NotJson(f"{said} at line {fault.lineno}, column {fault.colno}") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except ValueError:  # an integer of more digits than Python reads
        raise NotJson("a number has too many digits") from None
