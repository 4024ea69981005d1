"""What a person has to decide: money, legal, secrets, security, publication. Rules read the digest and the answer.

The model may add a reason and can remove none. A rule that marks too much costs a glance, one that marks too little a
decision nobody took: so the words are broad, and what they find and spare is measured (tests/needs_human.toml). The
words, English and German, are in needs_human.toml; they are looked for in a text folded to plain lower-case letters.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from activity_core.answer import Recommendation
    from activity_core.digest import Candidate, Digest

CATEGORIES = ("money", "legal", "secrets", "security", "publication")

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_AMOUNT = re.compile(r"[$€£]\s?\d|\d\s?[$€£]")


@dataclass(frozen=True)
class Reason:
    """Why a person has to decide.

    Attributes:
        category: one of `CATEGORIES`, or ``model`` where the model alone says so.
        source: ``digest`` (the candidate), ``workstream`` (that it belongs to), ``answer`` or ``model``.
        word: what was found, a word of the rules; for the model its own reason.
    """

    category: str
    source: str
    word: str


def reasons(digest: Digest, recommendation: Recommendation) -> list[Reason]:
    """Every category once, with the first word that called it; then what the model adds."""
    candidate = digest.candidate(recommendation.candidate)
    belongs = digest.candidate(candidate.workstream) if candidate else None
    answer = f"{recommendation.action} {recommendation.why}"
    texts = {"digest": _said_by(candidate), "workstream": _said_by(belongs), "answer": answer}
    found: dict[str, Reason] = {}
    masked = (candidate.masked if candidate else ()) + recommendation.masked
    if masked:
        found["secrets"] = Reason(
            "secrets", "digest" if candidate and candidate.masked else "answer", "masked material"
        )
    for source, text in texts.items():
        for category, word in _matches(text):
            found.setdefault(category, Reason(category, source, word))
    told = [found[category] for category in CATEGORIES if category in found]
    if recommendation.needs_human:
        told.append(Reason("model", "model", recommendation.needs_human_reason or "the model says so"))
    return told


def _said_by(candidate: Candidate | None) -> str:
    return _text(candidate.title, candidate.fields) if candidate else ""


def _text(title: str, fields: Mapping[str, str]) -> str:
    return " ".join(
        [title, *(value for name, value in fields.items() if name in {"summary", "detail", "text", "status", "from"})]
    )


def folded(text: str) -> str:
    """Lower case, umlauts written out, no accents, compatibility forms folded, words apart by one space."""
    lowered = unicodedata.normalize("NFKC", text).casefold().translate(_UMLAUTS)
    bare = "".join(each for each in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(each))
    return " ".join(re.sub(r"[^a-z0-9.$€£]+|\.(?![a-z])", " ", bare).split())


def _matches(text: str) -> Iterator[tuple[str, str]]:
    plain = folded(text)
    if _AMOUNT.search(plain):
        yield "money", "an amount"
    for category, pattern in _patterns().items():
        if found := pattern.search(plain):
            yield category, found[0].strip()


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    rules = tomllib.loads(files("activity_core").joinpath("needs_human.toml").read_text(encoding="utf-8"))
    return {category: _compiled(rules[category]) for category in CATEGORIES}


def _compiled(words: list[str]) -> re.Pattern[str]:
    """One pattern for all words of a category; a * at the end is whatever follows in the word."""
    forms = (re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)")
