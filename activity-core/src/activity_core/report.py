"""The report, as the JSON document that is kept, printed and rendered. Its form: schemas/report.schema.json.

Ranks, cost of delay and WSJF are computed here from the estimates. What was masked, dropped or quarantined is named,
so that the reader can see what the report does not rest on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from activity_core import berlin, words, wsjf
from activity_core.changes import changes
from activity_core.needs_human import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from activity_core.answer import Answer, Recommendation
    from activity_core.digest import Digest
    from activity_core.gateway import Served

FORMAT = "activity-core/report/1"
STALE_SECONDS = 26 * 3600
_DIGITS = 4
WHOLE, REVIEW, EMPTY, UNUSABLE = "whole", "review_required", "empty", "unusable"
"""States: every item could be used; some could not, or the answer is odd; nothing to triage; nothing could be used."""


@dataclass(frozen=True)
class Run:
    """What a report says of its run: id, begin (aware), profile, and the report it is compared with, if any."""

    id: str
    began: datetime
    profile: str
    before: dict[str, Any] | None = None


def of_answer(run: Run, digest: Digest, answer: Answer, served: Served) -> dict[str, Any]:
    """The report of an answer."""
    items = list(_items(digest, answer))
    problems = [*answer.problems, *_oddities(served)]
    state = REVIEW if problems or answer.quarantined or answer.dropped else WHOLE
    told = _frame(run, digest, state if items else UNUSABLE)
    told_elsewhere = {item["candidate"] for item in items} | {one for one, _ in answer.quarantined + answer.dropped}
    told |= {
        "problems": problems,
        "warnings": [*_warnings(run, digest), *_columns(answer), *_unjudged(served)],
        "summary": answer.summary,
        "items": items,
        "not_chosen": [
            {"id": each.id, "kind": each.kind, "title": each.title}
            for each in digest.candidates
            if each.id not in told_elsewhere
        ],
        "quarantined": [
            {"candidate": one, "reason": reason} | _titled(digest, one) for one, reason in answer.quarantined
        ],
        "dropped": _dropped(digest.dropped)
        + [{"what": what, "reason": reason} | _titled(digest, what) for what, reason in answer.dropped],
        "changes": changes(run.before, items) if items else None,
        "served": _served(run, served),
    }
    return told


def of_nothing(run: Run, digest: Digest) -> dict[str, Any]:
    """The honest report of a digest in which there is nothing to triage; the model was not asked."""
    return _frame(run, digest, EMPTY) | {
        "problems": [],
        "warnings": [*_warnings(run, digest), *_nothing_usable(digest)],
        "summary": "The digest has no candidate that can be triaged. The model was not asked.",
        "items": [],
        "not_chosen": [],
        "quarantined": [],
        "dropped": _dropped(digest.dropped),
        "changes": changes(run.before, []),
        "served": None,
    }


def _frame(run: Run, digest: Digest, state: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": run.id,
        "day": berlin.day(run.began),
        "began_at": berlin.iso(run.began),
        "state": state,
        "digest": {
            "sha256": digest.sha256,
            "generated_at": berlin.iso(digest.generated_at),
            "age_seconds": int((run.began - digest.generated_at).total_seconds()),
            "source": digest.source,
            "candidates": len(digest.candidates),
            "masked": sum(len(candidate.masked) for candidate in digest.candidates),
        },
    }


def _items(digest: Digest, answer: Answer) -> Iterator[dict[str, Any]]:
    """In the order of the ranks."""
    place = {candidate.id: at for at, candidate in enumerate(digest.candidates)}
    usable = sorted(answer.recommendations, key=lambda each: place[each.candidate])
    estimates = [each.estimates for each in usable]
    near = wsjf.close_to(estimates)
    for rank, at in enumerate(wsjf.order(estimates), start=1):
        close = sorted(usable[other].candidate for other in near[at])
        yield _item(digest, usable[at], rank, close)


def _item(digest: Digest, each: Recommendation, rank: int, close: list[str]) -> dict[str, Any]:
    candidate = digest.candidate(each.candidate)
    why_human = [asdict(reason) for reason in reasons(digest, each)]
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
        "needs_human": bool(why_human),
        "needs_human_reasons": why_human,
        "masked": len(each.masked),
    }


def _oddities(served: Served) -> Iterator[str]:
    if served.finish_reason == "length":
        yield "the answer was cut off at the token limit (finish_reason length)"
    elif served.finish_reason not in {"stop", ""}:
        yield f"the answer ended with finish_reason {served.finish_reason}"
    if served.validation and served.validation.valid is False:
        yield f"llm-connect's validation says: {served.validation}"


def _warnings(run: Run, digest: Digest) -> list[str]:
    age = (run.began - digest.generated_at).total_seconds()
    told = []
    if age > STALE_SECONDS:
        told.append(f"the digest is {berlin.span(age)} old: it may tell yesterday's news")
    if age < -300:  # noqa: PLR2004 - five minutes: clocks differ
        told.append(f"the digest says that it was made {berlin.span(-age)} after this run began: a clock is wrong")
    if masked := sum(len(candidate.masked) for candidate in digest.candidates):
        told.append(f"secret material was masked in the digest in {masked} place{'s' * (masked > 1)}: close its source")
    return told


def _nothing_usable(digest: Digest) -> Iterator[str]:
    if digest.dropped:
        yield "the digest has entries, but none that can be used: see what was dropped, and mend what makes it"


def _columns(answer: Answer) -> Iterator[str]:
    names = wsjf.columns_without_a_one([each.estimates for each in answer.recommendations])
    if names:
        told = ", ".join(words.COLUMNS[name] for name in names)
        yield f"no item has a 1 for {told}: estimates are to be relative to the smallest one"


def _unjudged(served: Served) -> Iterator[str]:
    if served.validation and served.validation.valid is None:
        yield f"llm-connect did not validate the answer ({served.validation}); it was judged here"


def _titled(digest: Digest, wanted: str) -> dict[str, str]:
    """The title of a candidate: it stands in no other list of the report."""
    candidate = digest.candidate(wanted)
    return {"title": candidate.title} if candidate else {}


def _dropped(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"what": what, "reason": reason} for what, reason in pairs]


def _served(run: Run, served: Served) -> dict[str, Any]:
    return {
        "profile": run.profile,
        "model": served.model,
        "finish_reason": served.finish_reason,
        "prompt_tokens": served.tokens[0],
        "completion_tokens": served.tokens[1],
        "cost_usd": served.cost_usd,
        "request_id": served.request_id,
        "validation": served.validation.as_json() if served.validation else None,
    }
