"""`activity-core runs`."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

import click

from activity_core import berlin, markdown, render, terminal, words
from activity_core.faults import AnswerIsNo, WrongUsage
from activity_core.lock import default_place
from activity_core.record import reading

if TYPE_CHECKING:
    from activity_core.record import Record

EXAMPLES = """\b
Examples:
  activity-core runs
  activity-core runs 20261124T062000Z

\b
Exit codes: 0 shown, 1 no such report, 2 more than one begins so, 3 the record cannot be read."""

_HEAD = ("RUN", "BEGAN", "TOOK", "STATE", "ITEMS", "PERSON", "MODEL", "TOKENS", "COST")
_LEFT_OUT_FIRST = ("TOKENS", "MODEL", "TOOK", "PERSON", "COST", "ITEMS", "BEGAN")
_GAP = "  "
_NAMED = 10


@click.command("runs", short_help="The runs so far, or the report of one.", epilog=EXAMPLES)
@click.argument("run", required=False)
@click.option(
    "--last", default=14, show_default=True, type=click.IntRange(1, 10000), help="How many, the newest first."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(*, run: str | None, last: int, as_json: bool) -> None:
    """The runs so far, the newest first; with RUN (an id or its beginning) the report of that run."""
    with reading(default_place(os.environ)) as record:
        if run is not None:
            return _show(_found(record, run), as_json=as_json)
        rows = record.runs(last) if record else []
    if as_json:
        return render.document(render.json_of({"runs": rows}))
    if not rows:
        return render.note("There is no run yet. The first one: activity-core triage --help")
    return _table(rows)


def _found(record: Record | None, beginning: str) -> dict[str, Any]:
    """The report of the one run that begins so.

    Raises:
        AnswerIsNo: there is none.
        WrongUsage: there are several, or nothing is given by which there could be one.
    """
    if not beginning:
        message = "an empty RUN is the beginning of every run. Nothing is shown."
        raise WrongUsage("no-run", message, system="record", hint="which there are: activity-core runs")
    ids = record.like(beginning, _NAMED + 1) if record else []
    if len(ids) > 1:
        raise _ambiguous(beginning, ids)
    report = record.of_run(ids[0]) if record and ids else None
    if report is None:
        message = f"there is no report of a run {beginning}. Nothing is shown."
        hint = "which there are: activity-core runs"
        raise AnswerIsNo("no-such-run", message, system="record", subject=beginning, hint=hint)
    return report


def _ambiguous(beginning: str, ids: list[str]) -> WrongUsage:
    several = f"{len(ids)} runs" if len(ids) <= _NAMED else f"more than {_NAMED} runs"
    message = f"{several} with a report begin with {beginning}. Nothing is shown."
    return WrongUsage(
        "ambiguous-run",
        message,
        system="record",
        subject=beginning,
        hint="give more of the id of one of them",
        faults=ids[:_NAMED],
    )


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        return render.document(render.json_of(report))
    if render.on_terminal():
        return render.lines(terminal.lines(report, render.width(), render.styled))
    return render.document(markdown.rendered(report))


def _table(rows: list[dict[str, Any]]) -> None:
    cells = [list(_HEAD), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    columns = render.columns()
    shown = _fitting(widths, columns)
    for number, row in enumerate(cells):
        text = _GAP.join(row[at].ljust(widths[at]) for at in shown).rstrip()
        render.lines([render.styled(text, "head") if number == 0 else text])
        fault = rows[number - 1]["fault"] if number else None
        if fault and fault["kind"] != "interrupted":
            render.lines(_told(fault["message"], columns))
    if left_out := [name for at, name in enumerate(_HEAD) if at not in shown]:
        render.note(f"left out for want of width: {', '.join(left_out)}; --json has all")


def _fitting(widths: list[int], columns: int | None) -> list[int]:
    """Which columns of the table are shown; all of them where the width is not bounded."""
    shown = list(range(len(_HEAD)))
    for name in _LEFT_OUT_FIRST:
        if columns is None or sum(widths[at] for at in shown) + len(_GAP) * (len(shown) - 1) <= columns:
            break
        shown.remove(_HEAD.index(name))
    return shown


def _told(message: str, columns: int | None) -> list[str]:
    indent = "  "
    if columns is None:
        return [f"{indent}{message}"]
    return textwrap.wrap(message, columns, initial_indent=indent, subsequent_indent=indent)


def _cells(row: dict[str, Any]) -> list[str]:
    began = berlin.parsed(row["began_at"])
    took = (berlin.parsed(row["ended_at"]) - began).total_seconds() if row["ended_at"] else None
    return [
        row["id"],
        f"{berlin.span((berlin.now() - began).total_seconds())} ago",
        "-" if took is None else berlin.span(took),
        row["state"].replace("_", " "),
        *("-" if row[name] is None else str(row[name]) for name in ("items", "needs_human")),
        row["model"] or "-",
        "-" if row["tokens"] is None else f"{row['tokens']:,}",
        "-" if row["model"] is None else words.money(row["cost_usd"]),
    ]
