"""Characters that look like Latin letters, and characters that nobody sees. From Unicode's own data: docs/adr/0025.

A word counts as written in Latin letters only if every letter of it looks Latin. So ``обработка`` and ``пароль`` are
left as they are, and never become half Latin.
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


class _AsciiOf(dict[int, str]):
    """For each code point, the one ASCII character that it looks like or normalizes to, or else itself."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        found = _table().get(point) or unicodedata.normalize("NFKC", char)
        self[point] = found if len(found) == 1 and found.isascii() else char
        return self[point]


_ASCII_OF = _AsciiOf()


def latin(text: str) -> str:
    """The text with each word that looks Latin in Latin letters. Case is kept; what looks like I, l and 1 becomes l."""
    if text.isascii():
        return text
    plain = _SYMBOLS.sub(lambda found: found[0].translate(_table()), text)
    return _WORD.sub(lambda word: _latin_word(word[0]), plain)


def ascii_shadow(text: str) -> str:
    """The text, character for character, with look-alikes in ASCII: symbols, and words that are partly Latin.

    A word entirely in another script stays: with its look-alike of ``6`` replaced, it would read as a key.
    """
    if text.isascii():
        return text
    plain = _SYMBOLS.sub(lambda found: found[0].translate(_ASCII_OF), text)
    return _WORD.sub(lambda word: _shadow_word(word[0]), plain)


def _latin_word(word: str) -> str:
    if word.isascii():
        return word
    found = word.translate(_table())
    return found if found.isascii() else word


def _shadow_word(word: str) -> str:
    if word.isascii() or not _ASCII.search(unicodedata.normalize("NFKC", word)):
        return word
    found = word.translate(_ASCII_OF)
    return found if found.isascii() else word


@cache
def _table() -> dict[int, str]:
    lines = files(__package__).joinpath("lookalikes.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.rpartition(" = ") for line in lines if not line.startswith("#"))
    return {int(point, 16): target for target, _, points in parts for point in points.split()}
