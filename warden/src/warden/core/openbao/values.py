"""A value on its way: OpenBao holds JSON, and whoever gets it gets text.

The text is what External Secrets Operator 0.20.4 writes into a Secret (`esutils.GetByteValue`), so that `access` hands
over the same: a text as it is, ``true``, a number in the server's own digits, nothing for null, and lists and objects
as Go's `encoding/json` writes them.

The audit log has texts as keyed hashes, also those inside of lists and objects, and everything else in clear. What it
has of a value is compared by its fingerprint, which tells nobody the value.
"""

import json
from collections.abc import Callable
from typing import Any, Self

_MARKUP = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
"""What Go's `json.Marshal` escapes beside what JSON wants escaped."""
_MOST_TEXTS = 100
"""Texts of one list or object that are hashed to compare it; each is a request."""


class Number(float):
    """A number that remembers its digits: Go and Python write some of them differently (``1e-7``, ``-0``)."""

    digits: str

    def __new__(cls, digits: str) -> Self:
        """Raises `ValueError` where it is not a number."""
        made = super().__new__(cls, digits)
        made.digits = digits
        return made


def loads(text: str | bytes | bytearray) -> Any:
    """The JSON value, numbers with their digits. Raises `ValueError` and `RecursionError`."""
    return json.loads(text, parse_float=Number, parse_int=_integer)


def _integer(digits: str) -> int | Number:
    return Number(digits) if digits == "-0" else int(digits)


def text_of(value: object) -> str:
    """The text that is delivered."""
    if isinstance(value, str):
        return value
    return "" if value is None else _json(value)


def _json(value: object) -> str:
    """As Go writes it: keys in order, no space, markup escaped."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(key)}:{_json(each)}' for key, each in sorted(value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, Number):
        return value.digits
    written = json.dumps(value, ensure_ascii=False)
    return written.translate(_MARKUP) if isinstance(value, str) else written


def logged(value: object, empty: object = "") -> str:
    """The fingerprint of what an audit line has of a value: a text's keyed hash; empty where a text is in clear.

    `empty` is what the line has of an empty text, which `sys/audit-hash` does not tell: what is delivered for it is
    the same as for null.
    """
    found = None if value == empty else _with_texts(value, lambda text: "" if text == empty else text)
    if isinstance(found, str):
        return found if _is_hash(found) else ""
    return _fingerprint(found) if all(not text or _is_hash(text) for text in _texts(found)) else ""


def is_text(fingerprint: str) -> bool:
    """Whether it is of a text, which the audit log has hashed."""
    return _is_hash(fingerprint)


def is_number(fingerprint: str) -> bool:
    """Whether it is of a number, which the audit log has in clear."""
    return fingerprint.startswith("number:")


def fingerprint_of(text: str, hashed: Callable[[str], str]) -> str:
    """The fingerprint that `text` has in an audit line if it is delivered for something else than a text, else empty.

    ``5432`` is delivered for a number and for a text. `hashed` asks the audit device.
    """
    try:
        value = loads(text) if text else None
    except (ValueError, RecursionError):
        return ""
    if (text and value is None) or isinstance(value, str) or len(_texts(value)) > _MOST_TEXTS:
        return ""
    return _fingerprint(_with_texts(value, lambda inside: hashed(inside) if inside else ""))


def _fingerprint(value: object) -> str:
    import hashlib  # access loads this module, and compares nothing

    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"
    return f"{kind}:{hashlib.sha256(_json(value).encode()).hexdigest()}"


def _is_hash(text: str) -> bool:
    return text.startswith("hmac-")


def _texts(value: object) -> list[str]:
    """Every text inside, keys apart."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _texts(each)]


def _with_texts(value: object, changed: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return changed(value)
    if isinstance(value, dict):
        return {key: _with_texts(each, changed) for key, each in value.items()}
    return [_with_texts(each, changed) for each in value] if isinstance(value, list) else value
