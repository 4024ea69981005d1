"""Read the model's answer: each recommendation is checked on its own, good ones are kept, bad ones quarantined.

Nothing is repaired: a recommendation is used as it is or not at all. Its own rank is ignored. Texts are cleaned, secret
material is masked, and what is too long is cut.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from activity_core.core import schemas, strict_json
from activity_core.core.salvage import salvage
from activity_core.core.text import clean
from activity_core.core.wsjf import COLUMNS, Estimates

if TYPE_CHECKING:
    from collections.abc import Collection

    from activity_core.core.salvage import Salvaged

MOST_RECOMMENDATIONS = 7
_MOST_READ = 100  # reading more would take minutes, only to drop them
_LONGEST_NAME = 80


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
        summary: one clean line, or empty.
        recommendations: usable ones, each candidate once, at most `MOST_RECOMMENDATIONS`, in the order of the answer.
        quarantined: pairs of the candidate (or its position) and all reasons.
        dropped: pairs of the candidate and the reason, for what exceeds a limit.
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
    summary, items, broken = _summary_and_items(content, ids, answer)
    answer.summary, masked, _ = _cleaned(summary, _limit("summary"))
    if masked:
        answer.problems.append(f"secret material was masked in the summary ({', '.join(masked)})")
    if (more := len(items) - _MOST_READ) > 0:
        answer.dropped += [(f"recommendations[{_MOST_READ}:]", f"{more} more than the {_MOST_READ} that are read")]
    for position, item in enumerate(items[:_MOST_READ]):
        _add_item(item, f"recommendations[{position}]", ids, answer)
    if broken:
        kept = "complete recommendations were kept" if answer.recommendations else "no recommendation could be kept"
        answer.problems.insert(0, f"{broken}; {kept}")
    return answer


def _summary_and_items(content: str, ids: Collection[str], answer: Answer) -> tuple[object, list[Any], str]:
    """The summary, the list, and what is wrong with the document; if something is, they are what is complete in it."""
    try:
        document = strict_json.loads(content.strip())
    except strict_json.NotJson as error:
        found = salvage(content, ids)
        _note_losses(found, answer)
        return found.summary, found.entries, f"the answer is not one valid JSON document ({error})"
    if not isinstance(document, dict) or not isinstance(document.get("recommendations"), list):
        return _misplaced(content, ids, answer)
    if not isinstance(document.get("summary"), str):
        answer.problems.append("the answer has no summary")
    if not document["recommendations"]:
        answer.problems.append("the answer's list of recommendations is empty")
    return document.get("summary"), document["recommendations"], ""


def _misplaced(content: str, ids: Collection[str], answer: Answer) -> tuple[object, list[Any], str]:
    """As `_summary_and_items`, for JSON whose list of recommendations is bare, or inside something else."""
    found = salvage(content, ids)
    if not found.entries:
        answer.problems.append("the answer is JSON, but has no list of recommendations")
        return "", [], ""
    _note_losses(found, answer)
    return found.summary, found.entries, "the answer is JSON, but its recommendations are in the wrong place"


def _note_losses(found: Salvaged, answer: Answer) -> None:
    answer.quarantined += found.lost
    answer.problems += found.problems


def _add_item(item: Any, position: str, ids: Collection[str], answer: Answer) -> None:
    if not isinstance(item, dict):
        return answer.quarantined.append((position, "not an object"))
    usable, masked, shortened = _with_clean_texts(item)
    candidate = usable.get("candidate")
    name = _cleaned(candidate, _LONGEST_NAME)[0] or position
    errors = schemas.errors(_item_rules(), usable)
    if isinstance(candidate, str) and candidate not in ids:
        errors.append("candidate: not an id of the digest")
    if errors:
        return answer.quarantined.append((name, "; ".join(errors)))
    if any(candidate == each.candidate for each in answer.recommendations):
        return answer.quarantined.append((name, "recommended a second time; the first one counts"))
    if len(answer.recommendations) == MOST_RECOMMENDATIONS:
        return answer.dropped.append((name, f"more than {MOST_RECOMMENDATIONS} recommendations"))
    answer.dropped += [(name, f"{field}: cut to {_limit(field)} characters") for field in shortened]
    return answer.recommendations.append(_recommendation(usable, masked))


def _recommendation(usable: dict[str, Any], masked: list[str]) -> Recommendation:
    reason = usable.get("needs_human_reason")
    reason = reason if isinstance(reason, str) else ""
    denied = usable.get("needs_human") is False or usable.get("needs_human") is None
    return Recommendation(
        candidate=usable["candidate"],
        action=usable["action"],
        why=usable["why"],
        estimates=Estimates(**{name: int(usable["wsjf"][name]) for name in COLUMNS}),
        confidence=usable["confidence"],
        needs_human=not denied or bool(reason),
        needs_human_reason=reason,
        masked=tuple(masked),
    )


def _with_clean_texts(item: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    """The item with clean texts, the kinds of what was masked, and the names of the fields that were cut."""
    usable: dict[str, Any] = dict(item)
    masked: list[str] = []
    shortened: list[str] = []
    for name in ("action", "why", "needs_human_reason"):
        if isinstance(item.get(name), str):
            usable[name], kinds, was_cut = _cleaned(item[name], _limit(name))
            masked += kinds
            shortened += [name] if was_cut else []
    return usable, masked, shortened


def _cleaned(value: object, limit: int) -> tuple[str, list[str], bool]:
    return clean(value, limit) if isinstance(value, str) else ("", [], False)


@cache
def _item_rules() -> dict[str, Any]:
    """What a usable item must have: what was asked for, except what the arithmetic does not need.

    A needs_human that is neither true nor false counts as true: it can add a person, never remove one.
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
