"""The report: the JSON document that is stored, printed and rendered. Its schema: schemas/report.schema.json.

Ranks, cost of delay and WSJF are computed here from the estimates. What was masked, dropped or quarantined is listed,
so that the reader sees what the report does not cover.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from activity_core.core import dates, wsjf
from activity_core.core.changes import changes
from activity_core.core.needs_human import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from activity_core.core.answer import Answer, Recommendation
    from activity_core.core.digest import Digest
    from activity_core.core.validation import Validation

FORMAT = "activity-core/report/1"
STALE_SECONDS = 26 * 3600
_CLOCK_SKEW_SECONDS = 300
_DIGITS = 4
COMPLETE, REVIEW, EMPTY, UNUSABLE = "whole", "review_required", "empty", "unusable"
"""States: all could be used; something could not, or the answer is odd; nothing to triage; nothing could be used."""


@dataclass(frozen=True)
class Run:
    """What a report says of its run: id, start (aware), profile, and the report it is compared with, if any."""

    id: str
    began: datetime
    profile: str
    previous: dict[str, Any] | None = None


@dataclass(frozen=True)
class Completion:
    """The model's answer as llm-connect delivered it. What is missing or of another type is empty or None.

    Attributes:
        content: the model's text.
        model: the model that answered.
        finish_reason: the provider's.
        tokens: prompt and completion tokens.
        cost_usd: as the provider says.
        request_id: llm-connect's.
        validation: llm-connect's own verdict, or None.
    """

    content: str
    model: str
    finish_reason: str
    tokens: tuple[int | None, int | None]
    cost_usd: float | None
    request_id: str
    validation: Validation | None


def of_answer(run: Run, digest: Digest, answer: Answer, completion: Completion) -> dict[str, Any]:
    """The report of an answer."""
    items = list(_ranked_items(digest, answer))
    problems = [*answer.problems, *_completion_problems(completion)]
    state = REVIEW if problems or answer.quarantined or answer.dropped else COMPLETE
    listed = {item["candidate"] for item in items} | {one for one, _ in answer.quarantined + answer.dropped}
    return _frame(run, digest, state if items else UNUSABLE) | {
        "problems": problems,
        "warnings": [*_digest_warnings(run, digest), *_estimate_warnings(answer), *_validation_warnings(completion)],
        "summary": answer.summary,
        "items": items,
        "not_chosen": [
            {"id": each.id, "kind": each.kind, "title": each.title}
            for each in digest.candidates
            if each.id not in listed
        ],
        "quarantined": [
            {"candidate": one, "reason": reason} | _title_of(digest, one) for one, reason in answer.quarantined
        ],
        "dropped": _dropped(digest.dropped)
        + [{"what": what, "reason": reason} | _title_of(digest, what) for what, reason in answer.dropped],
        "changes": changes(run.previous, items) if items else None,
        "served": _served(run, completion),
    }


def of_nothing(run: Run, digest: Digest) -> dict[str, Any]:
    """The empty report of a digest with nothing to triage; the model was not asked."""
    return _frame(run, digest, EMPTY) | {
        "problems": [],
        "warnings": [*_digest_warnings(run, digest), *_all_dropped_warnings(digest)],
        "summary": "The digest has no candidate that can be triaged. The model was not asked.",
        "items": [],
        "not_chosen": [],
        "quarantined": [],
        "dropped": _dropped(digest.dropped),
        "changes": changes(run.previous, []),
        "served": None,
    }


def _frame(run: Run, digest: Digest, state: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": run.id,
        "day": dates.day(run.began),
        "began_at": dates.iso(run.began),
        "state": state,
        "digest": {
            "sha256": digest.sha256,
            "generated_at": dates.iso(digest.generated_at),
            "age_seconds": int((run.began - digest.generated_at).total_seconds()),
            "source": digest.source,
            "candidates": len(digest.candidates),
            "masked": sum(len(candidate.masked) for candidate in digest.candidates),
        },
    }


def _ranked_items(digest: Digest, answer: Answer) -> Iterator[dict[str, Any]]:
    """The items, best first."""
    positions = {candidate.id: at for at, candidate in enumerate(digest.candidates)}
    usable = sorted(answer.recommendations, key=lambda each: positions[each.candidate])
    estimates = [each.estimates for each in usable]
    near = wsjf.close_calls(estimates)
    for rank, at in enumerate(wsjf.order(estimates), start=1):
        close = sorted(usable[other].candidate for other in near[at])
        yield _item(digest, usable[at], rank, close)


def _item(digest: Digest, each: Recommendation, rank: int, close: list[str]) -> dict[str, Any]:
    candidate = digest.candidate(each.candidate)
    human_reasons = [asdict(reason) for reason in reasons(digest, each)]
    return {
        "rank": rank,
        "candidate": each.candidate,
        "kind": candidate.kind if candidate else "",
        "title": candidate.title if candidate else "",
        "action": each.action,
        "why": each.why,
        "estimates": asdict(each.estimates),
        "cost_of_delay": each.estimates.cost_of_delay,
        "wsjf": round(float(each.estimates.wsjf), _DIGITS),
        "confidence": each.confidence,
        "close_to": close,
        "needs_human": bool(human_reasons),
        "needs_human_reasons": human_reasons,
        "masked": len(each.masked),
    }


def _completion_problems(completion: Completion) -> Iterator[str]:
    if completion.finish_reason == "length":
        yield "the answer was cut off at the token limit (finish_reason length)"
    elif completion.finish_reason not in {"stop", ""}:
        yield f"the answer ended with finish_reason {completion.finish_reason}"
    if completion.validation and completion.validation.valid is False:
        yield f"llm-connect's validation failed: {completion.validation}"


def _digest_warnings(run: Run, digest: Digest) -> Iterator[str]:
    age = (run.began - digest.generated_at).total_seconds()
    if age > STALE_SECONDS:
        yield f"the digest is {dates.duration(age)} old and may be out of date"
    if age < -_CLOCK_SKEW_SECONDS:
        yield f"the digest's time is {dates.duration(-age)} after the start of this run: a clock is wrong"
    if masked := sum(len(candidate.masked) for candidate in digest.candidates):
        yield f"secret material was masked in {masked} place{'s' * (masked > 1)} of the digest: remove it at its source"


def _all_dropped_warnings(digest: Digest) -> Iterator[str]:
    if digest.dropped:
        yield "the digest has entries, but none can be used: see what was dropped"


def _estimate_warnings(answer: Answer) -> Iterator[str]:
    names = wsjf.columns_without_a_one([each.estimates for each in answer.recommendations])
    if names:
        columns = ", ".join(wsjf.COLUMN_NAMES[name] for name in names)
        yield f"no item has a 1 for {columns}: estimates must be relative to the smallest one"


def _validation_warnings(completion: Completion) -> Iterator[str]:
    if completion.validation and completion.validation.valid is None:
        yield f"llm-connect did not validate the answer ({completion.validation}); it was checked here"


def _title_of(digest: Digest, wanted: str) -> dict[str, str]:
    """The title of a candidate that is in no other list of the report."""
    candidate = digest.candidate(wanted)
    return {"title": candidate.title} if candidate else {}


def _dropped(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"what": what, "reason": reason} for what, reason in pairs]


def _served(run: Run, completion: Completion) -> dict[str, Any]:
    return {
        "profile": run.profile,
        "model": completion.model,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.tokens[0],
        "completion_tokens": completion.tokens[1],
        "cost_usd": completion.cost_usd,
        "request_id": completion.request_id,
        "validation": completion.validation.as_json() if completion.validation else None,
    }
