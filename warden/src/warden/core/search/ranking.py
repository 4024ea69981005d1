"""How well each entry answers a need: what speaks for it, measured."""

import math

import msgspec

from warden.core.search.identifiers import LIKELY
from warden.core.search.index import Index
from warden.core.search.text import words
from warden.core.search.units import MOST_WORDS, Reader, Reading, Unit
from warden.core.search.vocabulary import Stems

_LONGEST_NAME = 16  # words of an identifier; paths are the longest
_NEXT = 3  # phrases beside the most similar one
_ASKED_ABOUT = 0.5  # what an identifier counts that is asked about
_QUESTION = 1.5  # what a question speaks for an entry that answers such questions
_ANSWERS = 1.2  # from here on an entry's phrases have a concept so often that it answers questions about it
_BESIDE = 0.3  # what each further identifier of an entry counts beside the first


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for an entry (its place in `Index.ids`).

    Attributes:
        name: identifiers in the need that mean the entry (1: one that only this entry has; more with several).
        related: the same for identifiers that stand there as ordinary words, or only have to do with the entry.
        words: how much the words favour the entry (a mean of logarithms of ratios).
        phrase: how alike the most similar phrase is (0 to 1).
        others: how alike the next ones are (their mean, 0 to 1).
    """

    entry: int
    name: float
    related: float
    words: float
    phrase: float
    others: float


class Ranked(msgspec.Struct, frozen=True):
    """A need as it was read, and the evidence for each entry in the index's order."""

    units: list[Unit]
    weights: list[float]
    evidence: list[Evidence]


def rank(index: Index, need: str, stemmers: Stems) -> Ranked:
    """The evidence for every entry. Identifiers speak for themselves; their words are not read as words as well."""
    names, rest = _identified(index, need)
    reading = Reader(index.vocabulary, stemmers, index.terms, index.by_stem, index.counts).read(rest)
    weights = [index.weigh(unit) for unit in reading.units]
    related = _related(index, reading)
    favour, phrases = _favoured(index, reading.units), _alike(index, reading.units, weights)
    if answering := _answering(index, reading.units):
        names = {at: _ASKED_ABOUT * name for at, name in names.items()}
        for at in answering:
            favour[at] += _QUESTION
    for at in names:  # the identifier's own words would have spoken for it
        favour[at] = max(favour[at], 0.0)
    evidence = [
        Evidence(at, names.get(at, 0.0), related.get(at, 0.0), favour[at], *_best(phrases.get(at, [])))
        for at in range(len(index.ids))
    ]
    return Ranked(reading.units, weights, evidence)


def _answering(index: Index, units: list[Unit]) -> set[int]:
    """The entries that answer such questions, where the need is a question about the thing that it names."""
    asked = {term for unit in units for term in unit.terms if term in index.vocabulary.questions}
    favours = [index.favour(term) for term in asked if term in index.counts]
    return {at for favour in favours for at, each in enumerate(favour) if each > _ANSWERS}


def _identified(index: Index, need: str) -> tuple[dict[int, float], list[str]]:
    """The entries that an identifier means that is written as one (``ISSUE_CORE_API_KEY``), and the other words."""
    found: dict[int, list[float]] = {}
    others: list[str] = []
    for chunk in need.split():
        rest = words(chunk)
        while rest:
            count = _longest(index, rest)
            per_entry = index.names.get(" ".join(rest[:count]), {})
            sure = {
                at: strength / len(per_entry) for at, strength in per_entry.items() if count > 1 and strength >= LIKELY
            }
            for at, strength in sure.items():
                found.setdefault(at, []).append(strength)
            others += [] if sure else rest[:count]
            rest = rest[count:]
        if len(others) > MOST_WORDS:
            break
    return _together(found), others


def _longest(index: Index, rest: list[str]) -> int:
    """How many words the longest identifier at the beginning has; 1 where there is none."""
    return next(
        (each for each in range(min(_LONGEST_NAME, len(rest)), 0, -1) if " ".join(rest[:each]) in index.names), 1
    )


def _related(index: Index, reading: Reading) -> dict[int, float]:
    """The entries whose identifiers stand in the need as ordinary words ("issue core")."""
    found: dict[int, list[float]] = {}
    rest = reading.words
    while rest:
        count = _longest(index, rest)
        per_entry = index.names.get(" ".join(rest[:count]), {})
        for at, strength in per_entry.items():
            found.setdefault(at, []).append(strength / len(per_entry))
        rest = rest[count:]
    return _together(found)


def _together(found: dict[int, list[float]]) -> dict[int, float]:
    return {at: max(each) + _BESIDE * (sum(each) - max(each)) for at, each in found.items()}


def _favoured(index: Index, units: list[Unit]) -> list[float]:
    """`Evidence.words` of each entry: a unit counts as the mean of its terms, long needs do not count more."""
    total = [0.0] * len(index.ids)
    for unit in units:
        each = [index.favour(term) for term in unit.terms if term in index.counts]
        for favour in each:
            total = [before + one / len(each) for before, one in zip(total, favour, strict=True)]
    return [each / math.sqrt(len(units) or 1) for each in total]


def _alike(index: Index, units: list[Unit], weights: list[float]) -> dict[int, list[float]]:
    """How alike each entry's phrases are: twice what both have, of what each has (Dice)."""
    shared: dict[int, float] = {}
    for unit, weight in zip(units, weights, strict=True):
        for at, counts in _matches(index, unit).items():
            shared[at] = shared.get(at, 0.0) + weight * counts
    whole = sum(weights)
    found: dict[int, list[float]] = {}
    for at, both in shared.items():
        phrase = index.phrases[at]
        found.setdefault(phrase.entry, []).append(2 * both / (whole + phrase.weight))
    return found


def _matches(index: Index, unit: Unit) -> dict[int, float]:
    """The phrases that have a term of the unit, with what the best match counts."""
    found: dict[int, float] = {}
    for term, counts in sorted(unit.terms.items(), key=lambda each: each[1]):  # the best overwrites the others
        for at in index.uses.get(term, ()):
            found[at] = counts
    return found


def _best(likenesses: list[float]) -> tuple[float, float]:
    """The best, and the mean of the next ones."""
    best = sorted(likenesses, reverse=True)[: 1 + _NEXT]
    return (best[0], sum(best[1:]) / _NEXT) if best else (0.0, 0.0)
