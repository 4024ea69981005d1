"""Fits the weights of `route find`: gradient descent with a step for each weight (Adagrad), and no library."""

import math

from warden.core.search.answer import features, numbers, ordered
from warden.core.search.index import Index
from warden.core.search.ranking import Ranked
from warden.core.search.weights import Weights

Sample = tuple[Index, str, Ranked]
"""An index, the id that is right (empty where nobody owns the need), and the need as it was ranked."""

NAME = 6.5  # an identifier that only one entry has decides; there are too few in the samples to learn it
PULL, STEPS = 0.002, 400


def fit(samples: list[Sample]) -> Weights:
    """The weights that fit the samples best."""
    ranking = _ranking([sample for sample in samples if sample[1]])
    chosen = Weights(rank=(max(NAME, ranking[0]), *ranking[1:]), owned=(), right=())
    owned, right = [], []
    for index, expected, ranked in samples:
        best = ordered(ranked, chosen)
        found = features(ranked, best)
        owned.append((found, bool(expected)))
        right.append((found, index.ids[best[0].evidence.entry] == expected))
    return Weights(rank=_short(chosen.rank), owned=_short(_logistic(owned)), right=_short(_logistic(right)))


def _ranking(samples: list[Sample]) -> list[float]:
    """Softmax regression: the right entry is to have the highest score."""
    rows = [([numbers(each) for each in ranked.evidence], index.ids.index(right)) for index, right, ranked in samples]
    weights = [1.0] * len(rows[0][0][0])
    steps = [1e-8] * len(weights)
    for _ in range(STEPS):
        slope = [0.0] * len(weights)
        for entries, right in rows:
            scores = [sum(map(float.__mul__, weights, each)) for each in entries]
            powers = [math.exp(score - max(scores)) for score in scores]
            for at, each in enumerate(entries):
                error = powers[at] / sum(powers) - (at == right)
                slope = [before + error * number for before, number in zip(slope, each, strict=True)]
        _step(weights, [each / len(rows) for each in slope], steps)
    return weights


def _logistic(rows: list[tuple[tuple[float, ...], bool]]) -> list[float]:
    weights = [0.0] * len(rows[0][0])
    steps = [1e-8] * len(weights)
    for _ in range(3 * STEPS):
        slope = [0.0] * len(weights)
        for found, right in rows:
            score = max(-30.0, min(30.0, sum(a * b for a, b in zip(weights, found, strict=True))))
            error = 1 / (1 + math.exp(-score)) - right
            slope = [before + error * number for before, number in zip(slope, found, strict=True)]
        _step(weights, [each / len(rows) for each in slope], steps)
    return weights


def _step(weights: list[float], slope: list[float], steps: list[float]) -> None:
    for at, each in enumerate(slope):
        pulled = each + PULL * weights[at]
        steps[at] += pulled**2
        weights[at] -= 0.25 * pulled / math.sqrt(steps[at])


def _short(weights: tuple[float, ...] | list[float]) -> tuple[float, ...]:
    return tuple(round(each, 2) for each in weights)
