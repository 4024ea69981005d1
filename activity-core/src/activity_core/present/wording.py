"""What a report says, for every form that people read. Nothing here is escaped or styled."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from activity_core.core import dates
from activity_core.core.wsjf import COST_OF_DELAY_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_HASH = 12
_SOURCES = {"digest": "the digest", "workstream": "its workstream", "answer": "the answer"}


def long_day(day: str) -> str:
    """``Tuesday, 24 November 2026``; in English in any locale."""
    when = date.fromisoformat(day)
    return f"{_WEEKDAYS[when.weekday()]}, {when.day} {_MONTHS[when.month - 1]} {when.year}"


def since(report: dict[str, Any]) -> str:
    """``Since 24 November``, the day of the report it is compared with; with the year if that is another one."""
    when = date.fromisoformat(report["changes"]["since"])
    year = f" {when.year}" if when.year != date.fromisoformat(report["day"]).year else ""
    return f"Since {when.day} {_MONTHS[when.month - 1]}{year}"


def not_chosen(report: dict[str, Any]) -> str:
    """The title of the list of candidates without an item. If nothing could be used, nothing was chosen."""
    return "In the digest, not triaged" if report["state"] == "unusable" else "Not chosen"


def unused(report: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """What was quarantined and what was dropped: the title of the list; for each entry, what it is, its title, why."""
    for title, key, what in (("Quarantined", "quarantined", "candidate"), ("Dropped", "dropped", "what")):
        yield title, [(each[what], each.get("title", ""), each["reason"]) for each in report[key]]


def counted(number: int, what: str) -> str:
    """``1 item``, ``2 items``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def headline(report: dict[str, Any]) -> str:
    """The result in one line."""
    if report["state"] == "unusable":
        return "The answer could not be used; a review is required."
    items = report["items"]
    human = sum(item["needs_human"] for item in items)
    need = f"{human} of them {'need' if human > 1 else 'needs'} a person" if human else "none needs a person"
    if human == len(items):
        need = "each needs a person" if human > 1 else "which needs a person"
    return f"{counted(len(items), 'item')} for today, {need}." if items else "Nothing to recommend."


def verdict(report: dict[str, Any]) -> str:
    """Why the report needs a review, or empty."""
    if report["state"] not in {"review_required", "unusable"}:
        return ""
    parts = list(report["problems"])
    if quarantined := len(report["quarantined"]):
        parts.append(f"{counted(quarantined, 'recommendation')} quarantined")
    if not parts:
        parts.append("the answer exceeded a limit, see what was dropped")
    label = "Why" if report["state"] == "unusable" else "Review required"
    return f"{label}: {'; '.join(parts)}."


def number(value: float) -> str:
    """A WSJF with at most two decimals: ``4.8``, ``12``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def money(cost_usd: float | None) -> str:
    """``0.0123 USD``, or ``unknown``."""
    return "unknown" if cost_usd is None else f"{cost_usd:.4f} USD"


def arithmetic(item: dict[str, Any]) -> str:
    """``value 8 + criticality 13 + risk and opportunity 3 = cost of delay 24; by job size 5 = WSJF 4.8``."""
    parts = " + ".join(f"{name} {item['estimates'][field]}" for field, name in COST_OF_DELAY_NAMES.items())
    size = item["estimates"]["job_size"]
    return f"{parts} = cost of delay {item['cost_of_delay']}; by job size {size} = WSJF {number(item['wsjf'])}"


def human_short(item: dict[str, Any]) -> str:
    """The categories, and whether the model says so; or empty."""
    names = [reason["category"] for reason in item["needs_human_reasons"]]
    return ", ".join("the model says so" if name == "model" else name for name in names)


def human_long(item: dict[str, Any]) -> Iterator[str]:
    """Each reason with where it was found."""
    for reason in item["needs_human_reasons"]:
        if reason["category"] == "model":
            yield f"the model: {reason['word']}"
        else:
            yield f'{reason["category"]} ("{reason["word"]}" in {_SOURCES[reason["source"]]})'


def provenance(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the report is from: names and texts."""
    digest, served = report["digest"], report["served"]
    made = dates.parsed(digest["generated_at"])
    source = f" by {digest['source']}" if digest["source"] else ""
    yield "digest", f"sha256 {digest['sha256'][:_SHORT_HASH]}, {counted(digest['candidates'], 'candidate')}"
    yield "made", f"{dates.day(made)} {dates.clock_time(made)}{source}, {_age(digest['age_seconds'])}"
    if served:
        yield "model", f"{served['model'] or 'unknown'} (profile {served['profile']})"
        yield "tokens", f"{_count(served['prompt_tokens'])} in, {_count(served['completion_tokens'])} out"
        yield "cost", money(served["cost_usd"])
        yield "request", served["request_id"]
    began = dates.parsed(report["began_at"])
    yield "run", f"{report['run']}, {dates.day(began)} {dates.clock_time(began)}"


def changes(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each change: what it is, the candidate, and its title."""
    found = report["changes"]
    titles = {item["candidate"]: item["title"] for item in report["items"]}
    for each in found["new"]:
        yield "new", each, titles[each]
    for each in found["moved"]:
        direction = "up" if each["to"] < each["from"] else "down"
        yield f"{direction} from {each['from']} to {each['to']}", each["candidate"], titles[each["candidate"]]
    for each in found["gone"]:
        yield _why_gone(report, each["candidate"]), each["candidate"], each["title"]


def _why_gone(report: dict[str, Any], candidate: str) -> str:
    """Why it is no longer recommended. What is still in the digest is never called gone from it."""
    if any(each["candidate"] == candidate for each in report["quarantined"]):
        return "now quarantined"
    if any(each["id"] == candidate for each in report["not_chosen"]):
        return "no longer chosen"
    dropped = any(each["what"] == candidate for each in report["dropped"])
    return "now dropped" if dropped else "no longer in the digest"


def _age(seconds: int) -> str:
    if seconds >= 0:
        return f"{dates.duration(seconds)} before the run"
    return f"{dates.duration(-seconds)} after the run began"


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"
