"""Which entries answer a need, best first, and when nobody owns what is needed.

A need is words. They are compared as whole words by their stems, so that "publishing" finds "publish" and "no" never
finds "whynot"; small typos count a little less. The more entries have a word, the less it is worth. An entry answers
only if it covers enough of the need: an entry with some password does not answer "wifi password".

Example: ``openrouter key``. "openrouter" is in one entry and worth most, "key" is in many and worth little;
openrouter-llm-connect has both, the first in its id, and covers the whole need: it comes first.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec

from warden.core.errors import Effect, NotFound, UsageError
from warden.core.lanes.catalog import Entry, NotALane, kind_of
from warden.core.lanes.lane import Lane
from warden.core.remedies import warden


class Words(Protocol):
    """What is known of a language."""

    def stem(self, word: str) -> str:
        """The stem that the forms of a word share."""

    def alike(self, word: str, known: Sequence[str]) -> list[tuple[str, float]]:
        """The known words that `word` may be a typo of, with their likeness between 0 and 1."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, how well it matches (0 to 1), and whether that is enough to be an answer."""

    id: str
    score: float
    answers: bool


class Nearest(msgspec.Struct, frozen=True):
    """An entry that has something in common with the need and does not answer it."""

    id: str
    title: str


class NotOwned(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody owns what was asked for; ``draft``: the first of ``nearest`` is a draft that will answer it."""

    need: str
    nearest: tuple[Nearest, ...] = ()
    draft: bool = False


class Ambiguous(msgspec.Struct, frozen=True):
    """Several entries answer the need."""

    need: str
    entries: tuple[str, ...]


class Unowned(NotFound):
    """Nobody owns what was asked for; the problem is a `NotOwned`."""

    kind = "unowned"


_WEIGHTS = {"id": 1.0, "needs": 0.9, "title": 0.6, "rest": 0.35}
_ENOUGH = 0.55  # the share of a need that has to be covered; chosen on the labelled set, where 0.5 to 0.6 are equal
_CLOSE = 0.85  # entries at least this near to the best one may be meant as well
_WORD = re.compile(r"[a-z0-9äöüß]+")
_ROUND = 4

_FILLERS = frozenset(
    """a about again agent all allowed also am an and any anyone are as ask at be because become been before being
    blocked but by call can cannot configure could deployment did do does done each else fetch find finds for from
    gain get gets getting give given go got had has have having help her here hers him his how i if in into is it its
    just know let lets like location look looking make many may me mine missing must my name need needed needs no not
    now obtain of off on one only or our out please provide put request required retrieve run running run set shall
    she should show so some somebody someone something task tell than that the their them then there these they thing
    this those through to told too under up urgent urgently us use used uses using via want wants was way we were what
    when where which while who whom whose why will with without would you your
    aber bitte brauche das dem den der die ein eine einen für ich im ist mit und von wo zu zum zur""".split()  # noqa: SIM905  # read as text
)
_COMMON = frozenset("key token secret credential password access api login log value".split())  # noqa: SIM905  # as above
_COMMON_WORTH = 0.4


def find(entries: Mapping[str, Entry], need: str, words: Words) -> list[Hit]:
    """Every entry that has something in common with the need, best first; equal ones by id."""
    exact = need.strip().lower()
    index = _Index(entries.values(), words)
    asked = index.asked(need)
    hits = [_hit(entry_id, exact, asked, index) for entry_id in entries]
    return sorted((hit for hit in hits if hit.score), key=lambda hit: (not hit.answers, -hit.score, hit.id))


def meant(hits: Sequence[Hit]) -> list[str]:
    """The ids that may be meant: the best answer and those nearly as good, or an exact id alone; empty without one."""
    if hits and hits[0].score == 1:
        return [hits[0].id]
    return [hit.id for hit in hits if hit.answers and hit.score >= _CLOSE * hits[0].score]


def answer(entries: Mapping[str, Entry], need: str, words: Words, *, drafts: bool = False) -> list[Hit] | NotOwned:
    """The hits that answer the need, best first; drafts only where asked for."""
    hits = find(entries, need, words)
    answers = [hit for hit in hits if hit.answers]
    shown = [hit for hit in answers if drafts or entries[hit.id].status == "active"]
    if shown:
        return shown
    near = answers[:1] or hits[:2]
    return NotOwned(
        need=need, nearest=tuple(Nearest(hit.id, entries[hit.id].title) for hit in near), draft=bool(answers)
    )


def only_lane(found: Sequence[Entry], need: str) -> Lane:
    """The lane that is meant. Raises `UsageError` where several entries are, or one that is not a lane."""
    first = found[0]
    if isinstance(first, Lane) and len(found) == 1:
        return first
    raise UsageError(
        NotALane(first.id, kind_of(first)) if len(found) == 1 else Ambiguous(need, tuple(each.id for each in found)),
        effect=Effect.NOTHING_READ,
        system="platform",
        subject=first.id if len(found) == 1 else need,
        remedy=(warden("access", first.id),),
    )


def unowned(found: NotOwned) -> Unowned:
    """The error for a need that nobody answers."""
    step = warden("route show", found.nearest[0].id) if found.nearest else warden("route list", all=True)
    return Unowned(found, system="platform", subject=found.need, remedy=(step,))


def _hit(entry_id: str, exact: str, asked: "_Asked", index: "_Index") -> Hit:
    if exact == entry_id:
        return Hit(id=entry_id, score=1.0, answers=True)
    total = covered = valued = 0.0
    for worth, candidates in asked:
        total += worth
        sure, value = index.best(entry_id, candidates)
        covered += worth * sure
        valued += worth * value
    if not total or not covered:
        return Hit(id=entry_id, score=0.0, answers=False)
    phrase = index.phrase(entry_id, asked, total)
    score = min(0.99, 0.5 * covered / total + 0.25 * valued / total + 0.24 * phrase)
    return Hit(id=entry_id, score=round(score, _ROUND), answers=covered / total >= _ENOUGH)


_Asked = list[tuple[float, dict[str, float]]]
"""For each word of the need: what it is worth, and the stems it may mean with their likeness."""


class _Index:
    """The words of the entries: where each stem is, and in how many entries."""

    def __init__(self, entries: Iterable[Entry], words: Words) -> None:
        self._words = words
        self._stems: dict[str, str] = {}
        self._weights: dict[str, dict[str, float]] = {}
        self._needs: dict[str, list[frozenset[str]]] = {}
        self._count: dict[str, int] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        weights: dict[str, float] = {}
        for field, text in _texts(entry):
            for stem in self._stemmed(_tokens(text), joined=field in ("id", "needs")):
                weights[stem] = max(weights.get(stem, 0.0), _WEIGHTS[field])
        for stem in weights:
            self._count[stem] = self._count.get(stem, 0) + 1
        self._weights[entry.id] = weights
        self._needs[entry.id] = [frozenset(self._stemmed(_asked_words(need))) for need in (*entry.needs, entry.id)]

    def _stemmed(self, tokens: Sequence[str], *, joined: bool = False) -> list[str]:
        pairs = [a + b for a, b in pairwise(tokens)] if joined else []
        return [self._stem(token) for token in (*tokens, *pairs)]

    def _stem(self, token: str) -> str:
        if token not in self._stems:
            self._stems[token] = self._words.stem(token)
        return self._stems[token]

    def worth(self, stem: str) -> float:
        """Much where few entries have it; words that are used of every credential are worth little anywhere."""
        rarity = math.log((len(self._weights) + 1) / (self._count.get(stem, 0) + 0.5))
        return max(0.2, rarity) * (_COMMON_WORTH if stem in self._common else 1.0)

    @property
    def _common(self) -> frozenset[str]:
        return frozenset(self._stem(word) for word in _COMMON)

    def asked(self, need: str) -> _Asked:
        """The need's words: known ones as they are, pairs that make a known one joined, others with similar ones."""
        tokens = _asked_words(need)
        asked: _Asked = []
        at = 0
        while at < len(tokens):
            pair = self._stem("".join(tokens[at : at + 2]))
            if at + 1 < len(tokens) and pair in self._count:
                both = [self._stem(token) for token in tokens[at : at + 2]]
                if not all(stem in self._count for stem in both):
                    asked.append((self.worth(pair), {pair: 1.0}))
                    at += 2
                    continue
            asked.append(self._one(tokens[at]))
            at += 1
        return asked

    def _one(self, token: str) -> tuple[float, dict[str, float]]:
        stem = self._stem(token)
        if stem in self._count:
            return self.worth(stem), {stem: 1.0}
        alike: dict[str, float] = {}
        likes = self._words.alike(token, list(self._stems)) + self._words.alike(stem, list(self._count))
        for known, likeness in likes:
            other = self._stems.get(known, known)
            if other in self._count:
                alike[other] = max(likeness, alike.get(other, 0.0))
        return max([self.worth(one) for one in alike], default=self.worth(stem)), alike

    def best(self, entry_id: str, candidates: Mapping[str, float]) -> tuple[float, float]:
        """How surely the entry has the word (0 to 1), and that times the weight of where it has it."""
        weights = self._weights[entry_id]
        found = [(sure, sure * weights[stem]) for stem, sure in candidates.items() if stem in weights]
        return max(found, key=lambda pair: pair[1], default=(0.0, 0.0))

    def phrase(self, entry_id: str, asked: _Asked, total: float) -> float:
        """How much of the need is in one of the entry's own needs, and the other way round (0 to 1)."""
        best = 0.0
        for need in self._needs[entry_id]:
            if not need:
                continue
            shared = sum(worth for worth, candidates in asked if any(stem in need for stem in candidates))
            whole = total + sum(self.worth(stem) for stem in need) - shared
            best = max(best, shared / whole)
        return best


def _texts(entry: Entry) -> Iterable[tuple[str, str]]:
    yield "id", entry.id
    for need in entry.needs:
        yield "needs", need
    yield "title", entry.title
    for text in (*entry.tags, *_rest(entry)):
        yield "rest", text


def _rest(entry: Entry) -> Iterable[str]:
    if isinstance(entry, Lane):
        owners = (entry.owners.custody, entry.owners.consumer, entry.owners.runtime)
        yield from (owner.repo for owner in owners if owner is not None)
        yield from entry.custody.fields
        yield entry.custody.path
        yield from (reader.label for reader in entry.readers)
        return
    yield from (entry.owner.repo, entry.subsystem, entry.auth_method)


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _asked_words(text: str) -> list[str]:
    return [token for token in _tokens(text) if token not in _FILLERS]
