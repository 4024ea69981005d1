"""The report as Markdown (CommonMark with GitHub's tables), for people.

Every text that is not ours is escaped: it makes no link, image, heading, list, table cell, formula, mention or HTML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from activity_core import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MEANING = re.compile(r"[\\`*_\[\]<>|~&$]|:(?=/)|(?<=\w)\.(?=[^\W\d])")
_FIRST = re.compile(r"^(?:[-+=#]|\d{1,9}(?=[.)]))")
_ID = re.compile(r"[A-Za-z0-9._:/#-]{1,80}", re.ASCII)


def escaped(text: str) -> str:
    """The text as itself wherever Markdown is read; it is on one line already.

    A bare @ would become a mention or an address on GitHub; with a zero-width space after it, it does not.
    """
    first = _FIRST.match(text)
    if first:
        rest = text[first.end() :]
        head = f"{first[0]}\\" if first[0].isdigit() else f"\\{first[0]}"
        return head + escaped_inside(rest)
    return escaped_inside(text)


def escaped_inside(text: str) -> str:
    """As `escaped`, for a text that does not stand at the beginning of a block."""
    return _MEANING.sub(lambda found: f"\\{found[0]}", text).replace("@", "@&#8203;")


def code(candidate: str) -> str:
    """An id of a digest as code; what is none (a place in an answer, an invented id) as text."""
    return f"`{candidate}`" if _ID.fullmatch(candidate) else escaped(candidate)


def rendered(report: dict[str, Any]) -> str:
    """The whole document, with a line break at its end."""
    parts = [
        [f"# Triage for {words.long_day(report['day'])}"],
        list(_head(report)),
        list(_table(report)),
        list(_items(report)),
        list(_changes(report)),
        _list(
            words.not_chosen(report),
            (f"{code(each['id'])} {escaped_inside(each['title'])}" for each in report["not_chosen"]),
        ),
        *(_list(name, (_set_aside(*each) for each in entries)) for name, entries in words.set_aside(report)),
        _list("Where this is from", (f"{name}: {escaped_inside(text)}" for name, text in words.provenance(report))),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(report: dict[str, Any]) -> Iterator[str]:
    yield f"**{words.headline(report)}**"
    if verdict := words.verdict(report):
        yield ""
        yield f"> **{escaped(verdict)}**"
    for warning in report["warnings"]:
        yield ""
        yield f"> Note: {escaped_inside(warning)}"
    if report["summary"]:
        yield ""
        said = "The model's summary: " if report["served"] else ""
        yield f"{said}{escaped(report['summary'])}"


def _table(report: dict[str, Any]) -> Iterator[str]:
    if not report["items"]:
        return
    yield _row(["#", "Do", "About", "WSJF", "Needs a person", "Close to"])
    yield _row(["--:", "---", "---", "--:", "---", "---"])
    for item in report["items"]:
        human = f"**{words.human_short(item)}**" if item["needs_human"] else ""
        close = " ".join(code(each) for each in item["close_to"])
        about = f"{code(item['candidate'])} {escaped_inside(item['title'])}"
        yield _row([str(item["rank"]), escaped(item["action"]), about, words.number(item["wsjf"]), human, close])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _items(report: dict[str, Any]) -> Iterator[str]:
    if report["items"]:
        yield "## Why, one by one"
    for item in report["items"]:
        yield from ("", f"### {item['rank']} · {escaped_inside(item['title'])}", "")
        yield f"- Do: {escaped_inside(item['action'])}"
        yield f"- Why: {escaped_inside(item['why'])} (digest: {code(item['candidate'])})"
        if item["needs_human"]:
            yield f"- **Needs a person**: {escaped_inside('; '.join(words.human_long(item)))}"
        yield f"- {words.sum_of(item)}; confidence {item['confidence']}"
        if item["close_to"]:
            yield f"- Close call: one step in one estimate changes places with {_codes(item['close_to'])}"


def _codes(candidates: Iterable[str]) -> str:
    return ", ".join(code(each) for each in candidates)


def _changes(report: dict[str, Any]) -> Iterator[str]:
    if report["changes"] is None:
        return
    yield f"## {words.since(report)}"
    yield ""
    told = [f"- {what}: {code(one)} {escaped_inside(title)}" for what, one, title in words.changes(report)]
    yield from told or ["Nothing changed."]


def _set_aside(what: str, title: str, reason: str) -> str:
    return f"{code(what)}{' ' * bool(title)}{escaped_inside(title)}: {escaped_inside(reason)}"


def _list(title: str, lines: Iterable[str]) -> list[str]:
    told = [f"- {line}" for line in lines]
    return [f"## {title}", "", *told] if told else []
