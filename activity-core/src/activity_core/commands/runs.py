"""`activity-core runs`."""

from __future__ import annotations

import os
from typing import Any

import click

from activity_core import berlin, markdown, render, terminal, words
from activity_core.faults import AnswerIsNo
from activity_core.lock import default_place
from activity_core.record import reading

EXAMPLES = """\b
Examples:
  activity-core runs
  activity-core runs 20261124T062000Z

\b
Exit codes: 0 shown, 1 no such report, 3 the record cannot be read."""

_HEAD = ("RUN", "BEGAN", "TOOK", "STATE", "ITEMS", "PERSON", "MODEL", "TOKENS", "COST")


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
            return _show(record.of_run(run) if record else None, run, as_json=as_json)
        rows = record.runs(last) if record else []
    if as_json:
        return render.document(render.json_of({"runs": rows}))
    if not rows:
        return render.note("There is no run yet. The first one: activity-core triage --help")
    return _table(rows)


def _show(report: dict[str, Any] | None, run: str, *, as_json: bool) -> None:
    if report is None:
        message = f"there is no report of a run {run}. Nothing is shown."
        raise AnswerIsNo(
            "no-such-run", message, system="record", subject=run, hint="which there are: activity-core runs"
        )
    if as_json:
        return render.document(render.json_of(report))
    if render.on_terminal():
        return render.lines(terminal.lines(report, render.width(), render.styled))
    return render.document(markdown.rendered(report))


def _table(rows: list[dict[str, Any]]) -> None:
    cells = [list(_HEAD), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    for number, row in enumerate(cells):
        text = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        render.lines([render.styled(text, "head") if number == 0 else text])
        fault = rows[number - 1]["fault"] if number else None
        if fault and fault["kind"] != "interrupted":
            render.lines([f"  {fault['message']}"])


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
