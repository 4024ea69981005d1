"""Text -> words that can be compared, and typos of them.

``AuthorizedPrincipalsFile`` is three words, ``OPENROUTER_API_KEY`` too; ``Schlüssel`` and ``Schluessel`` are one.
"""

import re
import unicodedata
from collections.abc import Iterable

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z0-9]+")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

_LONGEST = 40  # letters of a word that are read: what is longer is a value or a hash
_PERMUTED = 3  # a word this short may only have its letters swapped: "shs", "pnm"
_ORDINARY = 5  # up to this length a changed letter makes another word too often: "code" is not "core"
_LONG = 9  # from this length on two typos


def words(text: str) -> list[str]:
    """The words of a text in their order: lower case, without accents, German umlauts as two letters."""
    composed = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text)).lower().translate(_GERMAN)
    plain = "".join(char for char in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(char))
    return [word[:_LONGEST] for word in _WORD.findall(plain)]


def form(text: str) -> str:
    """The words of a text joined by spaces: how forms of several words and identifiers are looked up."""
    return " ".join(words(text))


def corrections(word: str, known: Iterable[str]) -> list[tuple[int, str]]:
    """The known words that `word` may be a typo of, each with the number of typos (1 or 2), fewest first."""
    if len(word) < _PERMUTED or word.isdigit():
        return []
    most = 2 if len(word) >= _LONG else 1
    near = (other for other in known if abs(len(other) - len(word)) <= most and _starts_alike(word, other))
    found = ((distance(word, other, most), other) for other in near)
    return sorted((typos, other) for typos, other in found if 0 < typos <= most and _plausible(word, other))


def _starts_alike(word: str, other: str) -> bool:
    """The first letter is the same, or swapped with the second."""
    return word[:1] == other[:1] or word[:2] == other[1::-1]


def _plausible(word: str, other: str) -> bool:
    if len(word) <= _PERMUTED:
        return sorted(word) == sorted(other)
    if len(word) <= _ORDINARY:
        return sorted(word) == sorted(other) or len(word) != len(other)
    return True


def distance(one: str, other: str, most: int) -> int:
    """How many letters are changed, added, left out or swapped with their neighbour; `most` + 1 where more are.

    Optimal string alignment: a row of the table for each letter of `one`.
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for there, its in enumerate(other, 1):
            cost = min(last[there] + 1, row[-1] + 1, last[there - 1] + (letter != its))
            if at > 1 and there > 1 and letter == other[there - 2] and one[at - 2] == its:
                cost = min(cost, before[there - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)
