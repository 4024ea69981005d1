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

from activity_core.lookalikes import INVISIBLE, latin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from activity_core.answer import Recommendation
    from activity_core.digest import Candidate, Digest

CATEGORIES = ("money", "legal", "secrets", "security", "publication")

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
# What UTS #39 takes for one another within ASCII; the rules' own words are read so, too.
_ALIKE = {"i": "[il1]", "l": "[il1]", "1": "[il1]", "o": "[o0]", "0": "[o0]", "m": "(?:m|rn)"}
_READ = {"title", "summary", "detail", "text", "status", "from", "owner"}
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
    beside = digest.beside.get(candidate.workstream, "") if candidate else ""
    texts = {"digest": _said_by(candidate), "workstream": _said_by(belongs) or beside, "answer": answer}
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
    """Its texts whole, also where the prompt has them cut, and whose it is."""
    if candidate is None:
        return ""
    texts = {"title": candidate.title, **candidate.fields, **candidate.uncut}
    return " ".join(value for name, value in texts.items() if name in _READ)


def folded(text: str) -> list[str]:
    """The ways to read the text in plain letters: with umlauts written out, and with umlauts as letters with marks.

    Lower case, compatibility forms and look-alikes of Latin letters folded, no marks, words apart by one space.
    """
    if text.isascii():
        return [_plain(text.lower())]
    seen = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return list(dict.fromkeys(_plain(_bare(way)) for way in (seen.translate(_UMLAUTS), seen)))


def _bare(text: str) -> str:
    """No marks and no look-alikes; twice, since some look Latin as capitals only and others as small letters."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if unicodedata.category(each)[0] != "M")
    return latin(latin(bare).casefold()).lower()


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9.$€£]+|\.(?![a-z])", " ", text).split())


def _matches(text: str) -> Iterator[tuple[str, str]]:
    ways = folded(text)
    if any(_AMOUNT.search(plain) for plain in ways):
        yield "money", "an amount"
    for category, pattern in _patterns().items():
        if found := next(filter(None, map(pattern.search, ways)), None):
            yield category, found[0].strip()


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    rules = tomllib.loads(files("activity_core").joinpath("needs_human.toml").read_text(encoding="utf-8"))
    return {category: _compiled(rules[category]) for category in CATEGORIES}


def _compiled(words: list[str]) -> re.Pattern[str]:
    """One pattern for all words of a category; a * at an end is whatever else stands there in the word."""
    forms = (r"\w*".join(_form(part) for part in word.split("*")) for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)")


def _form(word: str) -> str:
    return "(?:rn|m)".join("".join(_ALIKE.get(each, re.escape(each)) for each in part) for part in word.split("rn"))
