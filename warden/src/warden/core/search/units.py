"""A text -> its units of meaning: words and forms of several words, with the concepts that they may mean.

``accès à la base de données`` is two units, ``@reach`` and ``@database``. Compounds are taken apart
(``Datenbankpasswort``), words written in two are joined (``open router``), typos of known words are corrected.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Literal

import msgspec

from warden.core.search.text import corrections
from warden.core.search.vocabulary import Stems, Vocabulary

MOST_WORDS = 300
"""Words of a need that are read: nobody writes more, and a log file that was pasted as a whole is answered in time."""

_LONGEST_FORM = 4  # words in a form
_SHORTEST_JOINED = 5  # letters: shorter ones are two words by accident
_SHORTEST_PART = 4  # letters of a part of a compound
_SHORTEST_TAIL = 6  # letters of a known part behind an unknown one
_LINKS = ("", "s", "n", "en", "es")  # what German puts between the parts
_BY_CONCEPT = 0.85  # what a match by meaning counts beside one by word

Standing = Literal["known", "foreign", "unknown"]


class Unit(msgspec.Struct, frozen=True):
    """A unit: its terms (stems, and concepts as ``@name``) with what a match of each counts, and what is known of it.

    ``foreign`` names something that this catalog does not have, ``unknown`` is a word that nobody used before.
    """

    terms: dict[str, float]
    standing: Standing = "known"


class Reading(msgspec.Struct, frozen=True):
    """A text as it was understood: its units without repetition, and its words with their typos corrected."""

    units: list[Unit]
    words: list[str]


class Reader:
    """Reads texts with a vocabulary and the words of a catalog.

    Args:
        vocabulary: the languages.
        stemmers: their stemmers.
        terms: the catalog's words -> their term.
        by_stem: a stem of such a word -> the same.
        used: the terms and concepts that the catalog uses; ``None`` while it is being read itself.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        stemmers: Stems,
        terms: Mapping[str, str],
        by_stem: Mapping[str, str],
        used: Container[str] | None = None,
    ) -> None:
        self._used = used
        self._vocabulary = vocabulary
        self._stems = stemmers.stems
        self._terms = terms
        self._by_stem = by_stem

    def read(self, tokens: list[str]) -> Reading:
        """The reading of a text's words (`text.words`)."""
        units: dict[str, Unit] = {}
        read: list[str] = []
        rest = tokens[:MOST_WORDS]
        while rest:
            taken, text = self._form(rest)
            if taken == 1:
                text = self._corrected(text)
            read += text.split()
            for name, unit in self._units(text):
                units.setdefault(name, unit)
            rest = rest[taken:]
        return Reading(list(units.values()), read)

    def _form(self, rest: list[str]) -> tuple[int, str]:
        """How many words the next form has, and the form: the longest that is known, else the next word."""
        known = self._vocabulary
        for count in range(min(_LONGEST_FORM, len(rest)), 1, -1):
            spaced, joined = " ".join(rest[:count]), "".join(rest[:count])
            if spaced in known.concepts or spaced in known.elsewhere or spaced in known.stop:
                return count, spaced
            if len(joined) >= _SHORTEST_JOINED and count < _LONGEST_FORM and self._is_known(joined):
                return count, joined
        return 1, rest[0]

    def _is_known(self, word: str) -> bool:
        known = self._vocabulary
        return word in known.concepts or word in self._terms or word in known.elsewhere

    def _corrected(self, word: str) -> str:
        """The word, or the known one that it is a typo of."""
        if word in self._vocabulary.stop or self._is_known(word) or self._by_its_stem(word):
            return word
        if self._parts(word):
            return word
        near = corrections(word, self._terms) or corrections(word, self._words_of_the_vocabulary())
        return near[0][1] if near else word

    def _words_of_the_vocabulary(self) -> Iterator[str]:
        yield from self._vocabulary.concepts
        yield from self._vocabulary.elsewhere

    def _by_its_stem(self, word: str) -> bool:
        stems = self._stems(word)
        return bool(self._vocabulary.meaning(word, stems)) or any(stem in self._by_stem for stem in stems)

    def _units(self, text: str) -> Iterator[tuple[str, Unit]]:
        """The units of a form; a stop word has none, a compound has several. Each with a name that tells it apart."""
        if text in self._vocabulary.stop:
            return
        parts = [] if " " in text or self._is_known(text) or self._by_its_stem(text) else self._parts(text)
        for part in parts or self._tail(text) or [text]:
            yield part, self._unit(part)

    def _tail(self, word: str) -> list[str]:
        """An unknown word and the known one at its end, which bears a compound's meaning; empty without one."""
        if " " in word or self._is_known(word) or self._by_its_stem(word):
            return []
        for at in range(_SHORTEST_PART, len(word) - _SHORTEST_TAIL + 1):
            if self._is_known(word[at:]) or self._by_its_stem(word[at:]):
                return [word[:at], word[at:]]
        return []

    def _unit(self, text: str) -> Unit:
        stems = self._stems(text)
        concepts = self._vocabulary.meaning(text, stems)
        terms = dict.fromkeys(concepts, _BY_CONCEPT)
        own = self._terms.get(text) or next((self._by_stem[stem] for stem in stems if stem in self._by_stem), stems[0])
        terms[own] = 1.0
        return Unit(terms, self._standing(text, terms))

    def _standing(self, text: str, terms: Mapping[str, float]) -> Standing:
        if self._used is None or any(term in self._used for term in terms):
            return "known"
        topical = any(term in self._vocabulary.topics for term in terms)
        return "foreign" if topical or text in self._vocabulary.elsewhere else "unknown"

    def _parts(self, word: str) -> list[str]:
        """The known words that a German compound is made of; empty for any other word."""
        for at in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            head, tail = word[:at], word[at:]
            if not self._is_known(head):
                continue
            for link in _LINKS:
                rest = tail.removeprefix(link) if link and tail.startswith(link) else tail
                if self._is_known(rest):
                    return [head, rest]
                if more := self._parts(rest):
                    return [head, *more]
        return []
