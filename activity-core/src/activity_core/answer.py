"""The model's answer, salvaged: each recommendation is judged on its own, good ones are kept, bad ones quarantined.

Nothing is repaired: a recommendation is taken as it stands or not at all. Its own rank is ignored. Texts are made
harmless, secret material is masked, what is too long is cut.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from activity_core import schemas, strict_json
from activity_core.salvage import objects
from activity_core.text import clean
from activity_core.wsjf import COLUMNS, Estimates

if TYPE_CHECKING:
    from collections.abc import Collection

MOST = 7
_MOST_READ = 100  # the others would be read for minutes, and only to be dropped
_SHOWN = 80


@dataclass(frozen=True)
class Recommendation:
    """One usable recommendation; `candidate` is an id of the digest."""

    candidate: str
    action: str
    why: str
    estimates: Estimates
    confidence: str
    needs_human: bool
    needs_human_reason: str
    masked: tuple[str, ...] = ()


@dataclass
class Answer:
    """What could be used of an answer.

    Attributes:
        summary: one harmless line, or empty.
        recommendations: usable, each candidate once, at most `MOST`, in the order of the answer.
        quarantined: pairs of the candidate (or the place) and all reasons.
        dropped: pairs of the candidate and the reason, for what is over a limit.
        problems: what is wrong with the answer as a whole.
    """

    summary: str = ""
    recommendations: list[Recommendation] = field(default_factory=list)
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(content: str, ids: Collection[str]) -> Answer:
    """What can be used of the model's text, for a digest with these ids. Never raises."""
    answer = Answer()
    if not content.strip():
        answer.problems.append("the answer is empty")
        return answer
    summary, items, broken = _parts(content, ids, answer)
    answer.summary, masked, _ = _harmless(summary, _limit("summary"))
    if masked:
        answer.problems.append(f"secret material was masked in the summary ({', '.join(masked)})")
    if (more := len(items) - _MOST_READ) > 0:
        answer.dropped += [(f"recommendations[{_MOST_READ}:]", f"{more} more than the {_MOST_READ} that are read")]
    for place, item in enumerate(items[:_MOST_READ]):
        _take(item, f"recommendations[{place}]", ids, answer)
    if broken:
        kept = "what stands whole in it was kept" if answer.recommendations else "no recommendation in it could be kept"
        answer.problems.insert(0, f"{broken}; {kept}")
    return answer


def _parts(content: str, ids: Collection[str], answer: Answer) -> tuple[object, list[Any], str]:
    """The summary, the list, and why the whole is no JSON; then they are what stands whole in it."""
    try:
        document = strict_json.loads(content.strip())
    except strict_json.NotJson as fault:
        found = objects(content, ids)
        answer.quarantined += found.lost
        answer.problems += found.missing
        return found.summary, found.entries, f"the answer is no whole JSON document ({fault})"
    if not isinstance(document, dict) or not isinstance(document.get("recommendations"), list):
        return _elsewhere(content, ids, answer)
    if not isinstance(document.get("summary"), str):
        answer.problems.append("the answer has no summary")
    if not document["recommendations"]:
        answer.problems.append("the answer's list of recommendations is empty")
    return document.get("summary"), document["recommendations"], ""


def _elsewhere(content: str, ids: Collection[str], answer: Answer) -> tuple[object, list[Any], str]:
    """As `_parts`, of JSON whose list of recommendations is not where it was asked for: bare, or within something."""
    found = objects(content, ids)
    if not found.entries:
        answer.problems.append("the answer is JSON, but has no list of recommendations")
        return "", [], ""
    answer.quarantined += found.lost
    answer.problems += found.missing
    return found.summary, found.entries, "the answer is JSON, but its recommendations are not where they belong"


def _take(item: Any, place: str, ids: Collection[str], answer: Answer) -> None:
    if not isinstance(item, dict):
        return answer.quarantined.append((place, "is no object"))
    usable, masked, shortened = _texts_cleaned(item)
    candidate = usable.get("candidate")
    shown = _harmless(candidate, _SHOWN)[0] or place
    found = schemas.faults(_item_rules(), usable)
    if isinstance(candidate, str) and candidate not in ids:
        found.append("candidate: is no id of the digest")
    if found:
        return answer.quarantined.append((shown, "; ".join(found)))
    if any(candidate == taken.candidate for taken in answer.recommendations):
        return answer.quarantined.append((shown, "is recommended a second time; the first one counts"))
    if len(answer.recommendations) == MOST:
        return answer.dropped.append((shown, f"more than {MOST} recommendations"))
    answer.dropped += [(shown, f"{name}: cut to {_limit(name)} characters") for name in shortened]
    return answer.recommendations.append(_recommendation(usable, masked))


def _recommendation(usable: dict[str, Any], masked: list[str]) -> Recommendation:
    return Recommendation(
        candidate=usable["candidate"],
        action=usable["action"],
        why=usable["why"],
        estimates=Estimates(**{name: int(usable["wsjf"][name]) for name in COLUMNS}),
        confidence=usable["confidence"],
        needs_human=not (usable.get("needs_human") is False or usable.get("needs_human") is None)
        or bool(_text(usable, "needs_human_reason")),
        needs_human_reason=_text(usable, "needs_human_reason"),
        masked=tuple(masked),
    )


def _text(usable: dict[str, Any], name: str) -> str:
    value = usable.get(name)
    return value if isinstance(value, str) else ""


def _texts_cleaned(item: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    """The item with harmless texts, what was masked, and the names of what was cut."""
    usable: dict[str, Any] = dict(item)
    masked: list[str] = []
    shortened: list[str] = []
    for name in ("action", "why", "needs_human_reason"):
        if isinstance(item.get(name), str):
            usable[name], kinds, was_cut = _harmless(item[name], _limit(name))
            masked += kinds
            shortened += [name] if was_cut else []
    return usable, masked, shortened


def _harmless(value: object, limit: int) -> tuple[str, list[str], bool]:
    return clean(value, limit) if isinstance(value, str) else ("", [], False)


@cache
def _item_rules() -> dict[str, Any]:
    """What an item has to be to be used: as asked, but for what the arithmetic does not need.

    A needs_human that is neither true nor false counts as true: it may add a person, never remove one.
    """
    rules: dict[str, Any] = json.loads(schemas.text_of("answer"))["properties"]["recommendations"]["items"]
    unneeded = {"rank", "needs_human", "needs_human_reason"}
    rules["required"] = [name for name in rules["required"] if name not in unneeded]
    rules["properties"] = {name: rule for name, rule in rules["properties"].items() if name not in unneeded}
    del rules["additionalProperties"], rules["properties"]["wsjf"]["additionalProperties"]
    return rules


def _limit(name: str) -> int:
    properties = schemas.schema("answer")["properties"]
    rule = properties.get(name) or properties["recommendations"]["items"]["properties"][name]
    return int(rule["maxLength"])
