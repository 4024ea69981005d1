"""Texts for a JSON Schema of the type string: by its format, by its pattern, or plain ones of the right length."""

from __future__ import annotations

import math
import re
import string
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "P1DT2H",
    "email": "someone@example.org",
    "idn-email": "someone@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uri-reference": "https://example.org/",
    "iri": "https://example.org/",
    "iri-reference": "https://example.org/",
    "uri-template": "https://example.org/{id}",
    "url": "https://example.org/",
    "uuid": "6f1c1b5e-0d7e-4c4e-9a57-3f5b0c1d2e3f",
    "json-pointer": "/simulated/0",
    "relative-json-pointer": "0/simulated",
    "regex": "^simulated$",
    "path": "/simulated",
    "file-path": "/simulated",
    "directory-path": "/simulated",
    "byte": "c2ltdWxhdGVk",
    "base64": "c2ltdWxhdGVk",
    "binary": "simulated",
    "password": "simulated",
}
"""Those of JSON Schema, OpenAPI, pydantic and zod. An unknown one is refused: nobody could tell what it means."""
_USUAL = (
    "a", "A", "0", "abc", "ABC", "Abc", "abc-def", "abc_def", "AbcDef", "a1", "A1", "A-1", "ABC-123", "abc-123",
    "ABC123", "1.2.3", "v1.2.3", "0.5", "-1", "+1", "1,000", "12:00", "12:00:00", "1/2", "50%", "#aabbcc",
    "+4915112345678", "555-1234", "(555) 555-1234", "de-DE", "en_US", "/a/b", "a/b", "a.b", "a.b.c", "@abc", "#abc",
    "A. B.", "abc def", "Abc Def", "1 a", "$1.00", "1.00", "2026", "2026-01", "01/02/2026", "02.01.2026",
)  # fmt: skip
"""What patterns in schemas are mostly about. There is no generator for regular expressions here."""
_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase, "0123456789abcdef", "0A1B2C3D4E5F")
_LONGEST = 64
_MAX_PATTERN_LENGTH = 500
_MAX_PATTERN_BYTES = 200_000
_LITERAL = re.compile(r"""
    \^? (?:\(\??:?)?
    ( (?: [\w /:@\#,;=<>!~%&"'-] | \\[.+*?()\[\]{}|/$^-] )+ )
    (?:\|[^()\[\]{}]*)? \)? \$?""", re.ASCII | re.VERBOSE)  # fmt: skip
"""A pattern of one text, or of several to choose from; the first one is in the group."""


class NoText(ValueError):
    """There is no text for the schema; `str()` says why."""


def text_for(schema: Mapping[str, Any], usual: str) -> str:
    """A text that the schema of a string allows.

    Args:
        schema: format, pattern, minLength and maxLength count.
        usual: what is written where the schema leaves it open.

    Raises:
        NoText: nothing was found.
    """
    low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if low > high:
        raise NoText("minLength above maxLength")
    if "format" in schema and schema["format"] not in FORMATS:
        raise NoText(f"the format {schema['format']}")
    known = FORMATS.get(schema.get("format", ""))
    if "pattern" in schema:
        return _by_pattern(schema["pattern"], low, high, [known] if known else [usual])
    if known is None:
        return usual.ljust(low, ".") if len(usual) < low else usual[: int(min(high, len(usual)))]
    if not low <= len(known) <= high:
        raise NoText("a format together with this length")
    return known


def _by_pattern(pattern: Any, low: float, high: float, first: list[str]) -> str:
    matches = _matcher(pattern)
    for text in _candidates(pattern, first):
        if low <= len(text) <= high and matches(text):
            return text
    raise NoText("the keyword pattern, for which it found no text")


def _candidates(pattern: str, first: list[str]) -> Iterator[str]:
    yield from first
    if literal := _LITERAL.fullmatch(pattern):
        yield re.sub(r"\\(.)", r"\1", literal[1])
    yield from FORMATS.values()
    yield from _USUAL
    for length in range(1, _LONGEST + 1):
        for alphabet in _ALPHABETS:
            yield (alphabet * length)[:length]


def _matcher(pattern: Any) -> Callable[[str], bool]:
    """By an engine whose time grows only with the text, and within a size: the pattern is anybody's."""
    if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN_LENGTH:
        raise NoText("the keyword pattern, if it is longer than 500 characters or not a string")
    options = jsonschema_rs.RegexOptions(size_limit=_MAX_PATTERN_BYTES)
    try:
        validator = jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
    except ValueError:
        raise NoText("the keyword pattern, where it looks around, refers back, or is too large") from None
    return validator.is_valid
