"""What is known of the languages that needs are written in: words with one meaning, and words without any."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from warden.core.search.text import form

SHORTEST_STEM = 4
"""Letters. Shorter stems are shared by words of different meanings."""


class Stems(Protocol):
    """The stemmers of the languages."""

    def stems(self, word: str) -> tuple[str, ...]:
        """The stem of the word in each language; the first one is English."""


class Vocabulary(msgspec.Struct, frozen=True):
    """Forms (words joined by spaces) and their meaning.

    Attributes:
        concepts: form -> the concepts it may mean, each as ``@name``.
        stems: stem of a form of one word -> the same.
        stop: forms that say nothing about a need.
        topics: the concepts that name a thing: who asks for one asks a catalog without it in vain.
        questions: the concepts that ask about a thing that is named beside them.
        elsewhere: forms that name what few catalogs have, so that a need with one is probably for somebody else.
    """

    concepts: dict[str, tuple[str, ...]]
    stems: dict[str, tuple[str, ...]]
    stop: frozenset[str]
    topics: frozenset[str]
    questions: frozenset[str]
    elsewhere: frozenset[str]

    def meaning(self, word: str, stems: tuple[str, ...]) -> tuple[str, ...]:
        """The concepts of one word, by itself or by one of its stems."""
        found = self.concepts.get(word)
        if found is None:
            found = next((self.stems[stem] for stem in stems if stem in self.stems), ())
        return found


def vocabulary(concepts: str, stop: str, elsewhere: str, stemmers: Stems) -> Vocabulary:
    """The vocabulary that the three texts declare (adapters/catalog/vocabulary has them, with their format)."""
    meanings: dict[str, list[str]] = {}
    marked: dict[str, set[str]] = {"!": set(), "?": set()}
    for line in _lines(concepts):
        name, _, forms = line.partition(":")
        concept = f"@{name.rstrip('!?')}"
        for each in forms.split():
            meanings.setdefault(form(each), []).append(concept)
        marked.get(name[-1], set()).add(concept)
    by_stem: dict[str, list[str]] = {}
    for each, named in meanings.items():
        for stem in stemmers.stems(each) if " " not in each else ():
            if len(stem) >= SHORTEST_STEM:
                by_stem.setdefault(stem, []).extend(name for name in named if name not in by_stem.get(stem, ()))
    return Vocabulary(
        concepts={each: tuple(named) for each, named in meanings.items()},
        stems={each: tuple(named) for each, named in by_stem.items()},
        stop=frozenset(form(each) for line in _lines(stop) for each in line.split()),
        topics=frozenset(marked["!"]),
        questions=frozenset(marked["?"]),
        elsewhere=frozenset(form(each) for line in _lines(elsewhere) for each in line.split()),
    )


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
