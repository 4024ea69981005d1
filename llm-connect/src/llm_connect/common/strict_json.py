"""JSON as it is defined: what Python's reader takes beyond the standard is refused, with the place named.

Refused: NaN and Infinity, numbers that overflow, a key given twice (which of two `model_name`s is meant?),
lone surrogates (they cannot be sent on as UTF-8), more than MAX_NESTING levels.

msgspec reads what is nearly always there, six times as fast as the standard library does it here; it takes the last of
two equal keys, and says little about what is wrong. So whatever it refuses, or may have read with a key given twice, is
read again by the standard library, which decides.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec

from llm_connect.common.json_encoding import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NESTING = 100


class NotJson(ValueError):
    """The text is not acceptable JSON; `str()` says what is wrong and where, and repeats no content."""


def loads(octets: bytes) -> Any:
    """The value that UTF-8 `octets` hold.

    Raises:
        NotJson: for anything that is no JSON in the sense above.
    """
    if _needs_a_walk(octets):
        return slowly(octets)
    try:
        value = msgspec.json.decode(octets)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return slowly(octets)
    return value if _has_all_of(value, octets) else slowly(octets)


def _has_all_of(value: Any, octets: bytes) -> bool:
    """Whether no key was given twice: a pair that was dropped takes the quotes of its key with it.

    Counting quotes is exact where no character is written as an escape `\\u`: each text has its two, and one for each
    quote within it, before and after.
    """
    return encode(value).count(b'"') == octets.count(b'"')


def slowly(octets: bytes) -> Any:
    """As `loads`, by the standard library alone.

    Raises:
        NotJson: as `loads`.
    """
    try:
        value = _DECODER.decode(octets.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotJson(f"nested deeper than {MAX_NESTING} levels") from None
    except NotJson:
        raise
    except ValueError:  # Python's own limit on the digits of an integer
        raise NotJson("a number has too many digits") from None
    if _needs_a_walk(octets):
        _check(value)
    return value


def _needs_a_walk(octets: bytes) -> bool:
    """Whether it can be nested too deep or hold a surrogate: most documents show at a glance that they do not."""
    return octets.count(b"{") + octets.count(b"[") > MAX_NESTING or b"\\u" in octets


def _constant(name: str) -> Any:
    raise NotJson(f"{name} is not a JSON number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson("a number is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJson(f"the key {json.dumps(twice[:80])} is given twice in one object")
    return value


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_number, object_pairs_hook=_object)


def _check(value: Any) -> None:
    """Walk level by level, so that no depth can exhaust the stack."""
    level = [("", value)]
    for _ in range(MAX_NESTING + 1):
        for path, item in level:
            _check_text(path, item)
        level = [child for path, item in level for child in _children(path, item)]
        if not level:
            return
    raise NotJson(f"nested deeper than {MAX_NESTING} levels")


def _check_text(path: str, item: Any) -> None:
    texts = [item] if isinstance(item, str) else list(item) if isinstance(item, dict) else []
    for text in texts:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise NotJson(f"{path or 'the document'} holds a lone surrogate, which is no Unicode text")


def _children(path: str, item: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(item, dict):
        prefix = f"{path}." if path else ""
        return ((f"{prefix}{key}", child) for key, child in item.items())
    if isinstance(item, list):
        return ((f"{path}[{index}]", child) for index, child in enumerate(item))
    return iter(())
