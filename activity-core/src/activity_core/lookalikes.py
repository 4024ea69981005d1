"""What looks like Latin letters and is none, and what cannot be seen at all. By Unicode's own data: docs/adr/0025.

A word counts as written in Latin letters only where each letter of it looks like one; of ``обработка`` and ``пароль``
nothing becomes Latin by halves.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point of Unicode 18: format characters, and some letters and marks."""

_WORD = re.compile(r"\w+")
_SYMBOLS = re.compile(r"[^\w\s\x00-\x7f]+")
_ASCII = re.compile(r"[\x00-\x7f]")


class _Places(dict[int, str]):
    """For each code point the one character of ASCII that it looks like or is normalised to, else itself."""

    def __missing__(self, point: int) -> str:
        each = chr(point)
        found = _table().get(point) or unicodedata.normalize("NFKC", each)
        self[point] = found if len(found) == 1 and found.isascii() else each
        return self[point]


_PLACES = _Places()


def latin(text: str) -> str:
    """The text with each word that looks Latin in Latin letters; case is kept. What looks like I, l and 1 becomes l."""
    if text.isascii():
        return text
    plain = _SYMBOLS.sub(lambda found: found[0].translate(_table()), text)
    return _WORD.sub(lambda word: _latin_word(word[0]), plain)


def shadow(text: str) -> str:
    """As long as the text, place for place: words that are Latin in part, and marks such as hyphens, in ASCII.

    A word wholly of another script stays: with what looks like ``6`` in it, a word would read as a key.
    """
    if text.isascii():
        return text
    plain = _SYMBOLS.sub(lambda found: found[0].translate(_PLACES), text)
    return _WORD.sub(lambda word: _shadow_word(word[0]), plain)


def _latin_word(word: str) -> str:
    if word.isascii():
        return word
    found = word.translate(_table())
    return found if found.isascii() else word


def _shadow_word(word: str) -> str:
    if word.isascii() or not _ASCII.search(unicodedata.normalize("NFKC", word)):
        return word
    found = word.translate(_PLACES)
    return found if found.isascii() else word


@cache
def _table() -> dict[int, str]:
    lines = files("activity_core").joinpath("lookalikes.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.rpartition(" = ") for line in lines if not line.startswith("#"))
    return {int(point, 16): target for target, _, points in parts for point in points.split()}
