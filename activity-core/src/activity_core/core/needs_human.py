"""Mark what a person has to decide: money, legal, secrets, security, publication. From the digest and the answer.

The model can add a reason and remove none. A rule that marks too much costs a glance; a rule that marks too little lets
a decision pass that nobody made. So the words are broad, and tests/needs_human.toml measures what they match and what
they do not. The words, English and German, are in needs_human.toml. They are searched for in text that is folded to
plain lower-case letters.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from activity_core.core.lookalikes import INVISIBLE, latin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from activity_core.core.answer import Recommendation
    from activity_core.core.digest import Candidate, Digest

CATEGORIES = ("money", "legal", "secrets", "security", "publication")

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
# What UTS #39 takes for one another within ASCII. The words of the rules are read in the same way.
_ALIKE = {"i": "[il1]", "l": "[il1]", "1": "[il1]", "o": "[o0]", "0": "[o0]", "m": "(?:m|rn)"}
_SEARCHED_FIELDS = {"title", "summary", "detail", "text", "status", "from", "owner"}
_AMOUNT = re.compile(r"[$€£]\s?\d|\d\s?[$€£]")


@dataclass(frozen=True)
class Reason:
    """Why a person has to decide.

    Attributes:
        category: one of `CATEGORIES`, or ``model`` if only the model says so.
        source: ``digest`` (the candidate), ``workstream`` (that it belongs to), ``answer`` or ``model``.
        word: the word that matched; for the model, its own reason.
    """

    category: str
    source: str
    word: str


def reasons(digest: Digest, recommendation: Recommendation) -> list[Reason]:
    """Every category once, with the first word that matched; then what the model adds."""
    candidate = digest.candidate(recommendation.candidate)
    found: dict[str, Reason] = {}
    from_digest = candidate.masked if candidate else ()
    if from_digest or recommendation.masked:
        found["secrets"] = Reason("secrets", "digest" if from_digest else "answer", "masked material")
    for source, text in _searched_texts(digest, candidate, recommendation).items():
        for category, word in _matches(text):
            found.setdefault(category, Reason(category, source, word))
    ordered = [found[category] for category in CATEGORIES if category in found]
    if recommendation.needs_human:
        ordered.append(Reason("model", "model", recommendation.needs_human_reason or "the model says so"))
    return ordered


def _searched_texts(digest: Digest, candidate: Candidate | None, recommendation: Recommendation) -> dict[str, str]:
    workstream = digest.candidate(candidate.workstream) if candidate else None
    dropped = digest.dropped_workstreams.get(candidate.workstream, "") if candidate else ""
    return {
        "digest": _full_text(candidate),
        "workstream": _full_text(workstream) or dropped,
        "answer": f"{recommendation.action} {recommendation.why}",
    }


def _full_text(candidate: Candidate | None) -> str:
    """Its texts and its owner, uncut even if the prompt has them cut."""
    if candidate is None:
        return ""
    texts = {"title": candidate.title, **candidate.fields, **candidate.uncut}
    return " ".join(value for name, value in texts.items() if name in _SEARCHED_FIELDS)


def folded(text: str) -> list[str]:
    """The ways to read the text in plain letters: with umlauts written out, and with umlauts as marked letters.

    Lower case; compatibility forms and look-alikes of Latin letters folded; no marks; one space between words.
    """
    if text.isascii():
        return [_plain_words(text.lower())]
    visible = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return list(dict.fromkeys(_plain_words(_without_marks(way)) for way in (visible.translate(_UMLAUTS), visible)))


def _without_marks(text: str) -> str:
    """No marks and no look-alikes. Folded twice: some look Latin only as capitals, others only in lower case."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char)[0] != "M")
    return latin(latin(bare).casefold()).lower()


def _plain_words(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9.$€£]+|\.(?![a-z])", " ", text).split())


def _matches(text: str) -> Iterator[tuple[str, str]]:
    ways = folded(text)
    if any(_AMOUNT.search(way) for way in ways):
        yield "money", "an amount"
    for category, pattern in _patterns().items():
        if found := next(filter(None, map(pattern.search, ways)), None):
            yield category, found[0].strip()


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    rules = tomllib.loads(files(__package__).joinpath("needs_human.toml").read_text(encoding="utf-8"))
    return {category: _pattern(rules[category]) for category in CATEGORIES}


def _pattern(words: list[str]) -> re.Pattern[str]:
    """One pattern for all words of a category. A * at either end stands for the rest of the word."""
    forms = (r"\w*".join(_tolerant(part) for part in word.split("*")) for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)")


def _tolerant(word: str) -> str:
    """A pattern for the word and its ASCII look-alikes."""
    return "(?:rn|m)".join("".join(_ALIKE.get(each, re.escape(each)) for each in part) for part in word.split("rn"))
