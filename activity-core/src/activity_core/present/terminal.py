"""The report for a terminal: what to do first, then why. Wrapped to the width; a word beside each mark."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from activity_core.present import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Style = Callable[[str, str], str]

_MARGIN = 4
_ID_COLUMN = 20


def lines(report: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    """Lines of at most `width` columns. `style` takes a text and one of ``head bad warn dim``."""
    yield style(f"Triage for {wording.long_day(report['day'])}", "head")
    yield wording.headline(report)
    if verdict := wording.verdict(report):
        yield from (style(line, "bad") for line in textwrap.wrap(verdict, width))
    for warning in report["warnings"]:
        wrapped = textwrap.wrap(f"note: {warning}", width, subsequent_indent=" " * len("note: "))
        yield from (style(line, "warn") for line in wrapped)
    if report["summary"]:
        yield ""
        summary = f'The model says: "{report["summary"]}"' if report["served"] else report["summary"]
        yield from textwrap.wrap(summary, width)
    for item in report["items"]:
        yield ""
        yield from _item_lines(item, width, style)
    yield from _list_sections(report, width, style)


def _item_lines(item: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    head = textwrap.wrap(f"{item['rank']:>2}  {item['action']}", width, subsequent_indent=" " * _MARGIN)
    yield from (style(line, "head") for line in head)
    yield from _indented(f"{item['candidate']} · {item['title']}", width)
    if item["needs_human"]:
        reasons = f"NEEDS A PERSON: {'; '.join(wording.human_long(item))}"
        yield from (style(line, "warn") for line in _indented(reasons, width))
    yield from _indented(f"why: {item['why']}", width)
    close = f"; close to {', '.join(item['close_to'])}" if item["close_to"] else ""
    arithmetic = f"{wording.arithmetic(item)}; confidence {item['confidence']}{close}"
    yield from (style(line, "dim") for line in _indented(arithmetic, width))


def _list_sections(report: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    if report["changes"]:
        changes = [f"{what}: {one} {title}" for what, one, title in wording.changes(report)] or ["nothing changed"]
        yield from _list_section(wording.since(report), changes, width, style)
    column = min(_ID_COLUMN, max((len(each["id"]) for each in report["not_chosen"]), default=0))
    not_chosen = [f"{each['id']:<{column}}  {each['title']}" for each in report["not_chosen"]]
    yield from _list_section(wording.not_chosen(report), not_chosen, width, style)
    for name, entries in wording.unused(report):
        unused = [f"{what}{' ' * bool(title)}{title}: {reason}" for what, title, reason in entries]
        yield from _list_section(name, unused, width, style)
    provenance = [f"{name:<8} {text}" for name, text in wording.provenance(report)]
    yield from _list_section("Where this is from", provenance, width, style)


def _list_section(title: str, entries: list[str], width: int, style: Style) -> Iterator[str]:
    if not entries:
        return
    yield ""
    yield style(title, "head")
    for each in entries:
        yield from textwrap.wrap(each, width, initial_indent="  ", subsequent_indent=" " * _MARGIN)


def _indented(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=" " * _MARGIN, subsequent_indent=" " * _MARGIN)
