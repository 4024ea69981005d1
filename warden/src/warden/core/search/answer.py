"""The answer to a need: found, not sure (perhaps one of these), or nobody owns it."""

import math
from typing import Literal

import msgspec

from warden.core.search.identifiers import LIKELY
from warden.core.search.index import Index
from warden.core.search.ranking import Evidence, Ranked, rank
from warden.core.search.text import form
from warden.core.search.vocabulary import Stems
from warden.core.search.weights import OWNED_FROM, SURE_FROM, WEIGHTS, Weights

MOST_CANDIDATES = 3

Verdict = Literal["found", "unsure", "nobody"]


class Hit(msgspec.Struct, frozen=True):
    """An entry that may be meant, and how probably it is (0 to 1)."""

    id: str
    score: float


class Answer(msgspec.Struct, frozen=True):
    """The verdict, and the entries: the one that was found, at most three that may be meant, or the nearest ones."""

    verdict: Verdict
    hits: tuple[Hit, ...]


class Scored(msgspec.Struct, frozen=True):
    """An entry's evidence, and what it adds up to."""

    score: float
    evidence: Evidence


def answer(index: Index, need: str, stemmers: Stems) -> Answer:
    """The answer to a need. An id, or a need as an entry declares it, is always found."""
    exact = need.strip().lower()
    if exact in index.ids:
        return Answer("found", (Hit(exact, 1.0),))
    declared = index.declared.get(form(need))
    if declared is not None:
        return Answer("found", (Hit(index.ids[declared], 1.0),))
    return judged(index, need, stemmers)


def judged(index: Index, need: str, stemmers: Stems) -> Answer:
    """The answer as the words of the need have it, whether or not an entry declares just these."""
    ranked = rank(index, need, stemmers)
    best = ordered(ranked)[:MOST_CANDIDATES]
    if not best or not (best[0].evidence.name or any(unit.standing == "known" for unit in ranked.units)):
        return Answer("nobody", ())
    found = features(ranked, best)
    right = logistic(WEIGHTS.right, found)
    hits = tuple(
        Hit(index.ids[each.evidence.entry], round(min(0.99, right) * math.exp(each.score - best[0].score), 4))
        for each in best
    )
    if logistic(WEIGHTS.owned, found) < OWNED_FROM:
        return Answer("nobody", hits)
    foreign = any(unit.standing == "foreign" for unit in ranked.units)
    if right >= SURE_FROM and not foreign and not _other_named(best):
        return Answer("found", hits[:1])
    return Answer("unsure", hits)


def _other_named(best: list[Scored]) -> bool:
    """Whether an identifier means another entry than the first one, or is asked about: "may I read KEY?"."""
    names = [each.evidence.name for each in best]
    return names[0] < LIKELY and max(names) > 0


def ordered(ranked: Ranked, weights: Weights = WEIGHTS) -> list[Scored]:
    """The entries, best first; equal ones in the order of their ids."""
    scored = [Scored(_dot(weights.rank, numbers(each)), each) for each in ranked.evidence]
    return sorted(scored, key=lambda each: -each.score)


def numbers(evidence: Evidence) -> tuple[float, ...]:
    """What the ranking is made of."""
    return evidence.name, evidence.related, evidence.words, evidence.phrase, evidence.others


def features(ranked: Ranked, best: list[Scored]) -> tuple[float, ...]:
    """What decides between the three answers; the scales keep the numbers near 1."""
    first = best[0]
    margin = first.score - best[1].score if len(best) > 1 else first.score
    count = len(ranked.units)
    foreign = sum(unit.standing == "foreign" for unit in ranked.units)
    unknown = sum(unit.standing == "unknown" for unit in ranked.units)
    return (
        min(max(first.score, -5.0), 12.0) / 5,
        min(margin, 6.0) / 3,
        first.evidence.phrase,
        min(1.0, first.evidence.name),
        min(foreign, 2),
        math.log(1 + count),
        unknown / max(1, count),
        1.0,
    )


def logistic(weights: tuple[float, ...], found: tuple[float, ...]) -> float:
    """A probability."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, _dot(weights, found)))))


def _dot(weights: tuple[float, ...], found: tuple[float, ...]) -> float:
    return sum(weight * each for weight, each in zip(weights, found, strict=True))
