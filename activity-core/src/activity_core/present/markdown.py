"""The report as Markdown (CommonMark with GitHub's tables).

All foreign text is escaped, so that it makes no link, image, heading, list, table cell, formula, mention or HTML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from activity_core.present import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# A dot makes a bare link of the words beside it, whatever symbols they contain. One between digits does not. GitHub
# makes a link of `www.` alone, too.
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$]|[:/](?=/)|(?<!\d)\.(?=\S)|\.(?=[^\s\d])|(?<=[wW]{3})\.")
_BLOCK_MARK = re.compile(r"^(?:(?=[-+=#])|\d{1,9}(?=[.)]))")  # where its backslash goes
_ID = re.compile(r"[A-Za-z0-9._:/#-]{1,80}", re.ASCII)


def escaped(text: str) -> str:
    """The text so that Markdown shows it unchanged. It must be one line.

    GitHub makes a mention or an address of a bare @, but not if a zero-width space follows.
    """
    return _BLOCK_MARK.sub(r"\g<0>\\", escaped_inside(text))


def escaped_inside(text: str) -> str:
    """As `escaped`, for a text that is not at the beginning of a block."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text).replace("@", "@&#8203;")


def code(candidate: str) -> str:
    """An id of a digest as code; anything else (a position in an answer, an invented id) as text."""
    return f"`{candidate}`" if _ID.fullmatch(candidate) else escaped(candidate)


def rendered(report: dict[str, Any]) -> str:
    """The complete document, with a line break at its end."""
    parts = [
        [f"# Triage for {wording.long_day(report['day'])}"],
        list(_introduction(report)),
        list(_overview_table(report)),
        list(_item_details(report)),
        list(_changes_section(report)),
        _list_section(
            wording.not_chosen(report),
            (f"{code(each['id'])} {escaped_inside(each['title'])}" for each in report["not_chosen"]),
        ),
        *(_list_section(name, (_unused_entry(*each) for each in entries)) for name, entries in wording.unused(report)),
        _list_section(
            "Where this is from", (f"{name}: {escaped_inside(text)}" for name, text in wording.provenance(report))
        ),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _introduction(report: dict[str, Any]) -> Iterator[str]:
    yield f"**{wording.headline(report)}**"
    if verdict := wording.verdict(report):
        yield ""
        yield f"> **{escaped(verdict)}**"
    for warning in report["warnings"]:
        yield ""
        yield f"> Note: {escaped_inside(warning)}"
    if report["summary"]:
        yield ""
        author = "The model's summary: " if report["served"] else ""
        yield f"{author}{escaped(report['summary'])}"


def _overview_table(report: dict[str, Any]) -> Iterator[str]:
    if not report["items"]:
        return
    yield _table_row(["#", "Do", "About", "WSJF", "Needs a person", "Close to"])
    yield _table_row(["--:", "---", "---", "--:", "---", "---"])
    for item in report["items"]:
        human = f"**{wording.human_short(item)}**" if item["needs_human"] else ""
        close = " ".join(code(each) for each in item["close_to"])
        about = f"{code(item['candidate'])} {escaped_inside(item['title'])}"
        yield _table_row(
            [str(item["rank"]), escaped(item["action"]), about, wording.number(item["wsjf"]), human, close]
        )


def _table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _item_details(report: dict[str, Any]) -> Iterator[str]:
    if report["items"]:
        yield "## Why, one by one"
    for item in report["items"]:
        yield from ("", f"### {item['rank']} · {escaped_inside(item['title'])}", "")
        yield f"- Do: {escaped_inside(item['action'])}"
        yield f"- Why: {escaped_inside(item['why'])} (digest: {code(item['candidate'])})"
        if item["needs_human"]:
            yield f"- **Needs a person**: {escaped_inside('; '.join(wording.human_long(item)))}"
        yield f"- {wording.arithmetic(item)}; confidence {item['confidence']}"
        if item["close_to"]:
            yield f"- Close call: one step in one estimate swaps it with {_code_list(item['close_to'])}"


def _code_list(candidates: Iterable[str]) -> str:
    return ", ".join(code(each) for each in candidates)


def _changes_section(report: dict[str, Any]) -> Iterator[str]:
    if report["changes"] is None:
        return
    yield f"## {wording.since(report)}"
    yield ""
    lines = [f"- {what}: {code(one)} {escaped_inside(title)}" for what, one, title in wording.changes(report)]
    yield from lines or ["Nothing changed."]


def _unused_entry(what: str, title: str, reason: str) -> str:
    return f"{code(what)}{' ' * bool(title)}{escaped_inside(title)}: {escaped_inside(reason)}"


def _list_section(title: str, lines: Iterable[str]) -> list[str]:
    entries = [f"- {line}" for line in lines]
    return [f"## {title}", "", *entries] if entries else []
