"""The report for a terminal: what to do first, then why; wrapped to the width, with words beside each mark."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from activity_core import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Style = Callable[[str, str], str]

_MARGIN = 4
_ID_COLUMN = 20


def lines(report: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    """Lines of at most `width` columns; `style` takes a text and one of ``head bad warn dim``."""
    yield style(f"Triage for {words.long_day(report['day'])}", "head")
    yield words.headline(report)
    if verdict := words.verdict(report):
        yield from (style(line, "bad") for line in textwrap.wrap(verdict, width))
    for warning in report["warnings"]:
        yield from (
            style(line, "warn") for line in textwrap.wrap(f"note: {warning}", width, subsequent_indent="      ")
        )
    if report["summary"]:
        yield ""
        said = f'The model says: "{report["summary"]}"' if report["served"] else report["summary"]
        yield from textwrap.wrap(said, width)
    for item in report["items"]:
        yield ""
        yield from _item(item, width, style)
    yield from _rest(report, width, style)


def _item(item: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    head = textwrap.wrap(f"{item['rank']:>2}  {item['action']}", width, subsequent_indent=" " * _MARGIN)
    yield from (style(line, "head") for line in head)
    yield from _indented(f"{item['candidate']} · {item['title']}", width)
    if item["needs_human"]:
        told = f"NEEDS A PERSON: {'; '.join(words.human_long(item))}"
        yield from (style(line, "warn") for line in _indented(told, width))
    yield from _indented(f"why: {item['why']}", width)
    close = f"; close to {', '.join(item['close_to'])}" if item["close_to"] else ""
    told = f"{words.sum_of(item)}; confidence {item['confidence']}{close}"
    yield from (style(line, "dim") for line in _indented(told, width))


def _rest(report: dict[str, Any], width: int, style: Style) -> Iterator[str]:
    if report["changes"]:
        told = [f"{what}: {one} {title}" for what, one, title in words.changes(report)] or ["nothing changed"]
        yield from _section(words.since(report), told, width, style)
    column = max((len(each["id"]) for each in report["not_chosen"]), default=0)
    told = [f"{each['id']:<{min(column, _ID_COLUMN)}}  {each['title']}" for each in report["not_chosen"]]
    yield from _section(words.not_chosen(report), told, width, style)
    for name, entries in words.set_aside(report):
        told = [f"{what}{' ' * bool(title)}{title}: {reason}" for what, title, reason in entries]
        yield from _section(name, told, width, style)
    told = [f"{name:<8} {text}" for name, text in words.provenance(report)]
    yield from _section("Where this is from", told, width, style)


def _section(title: str, told: list[str], width: int, style: Style) -> Iterator[str]:
    if not told:
        return
    yield ""
    yield style(title, "head")
    for each in told:
        yield from textwrap.wrap(each, width, initial_indent="  ", subsequent_indent=" " * _MARGIN)


def _indented(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=" " * _MARGIN, subsequent_indent=" " * _MARGIN)
