"""`activity-core runs`."""

from __future__ import annotations

import os
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from activity_core.adapters.lock import record_path
from activity_core.adapters.record import reading
from activity_core.core import dates
from activity_core.core.errors import InvalidInput, UsageError
from activity_core.present import console, wording
from activity_core.present.show import show

if TYPE_CHECKING:
    from activity_core.adapters.record import Record

EXAMPLES = """\b
Examples:
  activity-core runs
  activity-core runs 20261124T062000Z

\b
Exit codes: 0 shown, 1 no such report, 2 several runs match, 3 the record cannot be read."""

_HEAD = ("RUN", "BEGAN", "TOOK", "STATE", "ITEMS", "PERSON", "MODEL", "TOKENS", "COST")
_OMITTED_FIRST = ("TOKENS", "MODEL", "TOOK", "PERSON", "COST", "ITEMS", "BEGAN")
_GAP = "  "
_MOST_LISTED = 10
_LIST_HINT = "list them: activity-core runs"


@click.command("runs", short_help="List the runs, or show the report of one.", epilog=EXAMPLES)
@click.argument("run", required=False)
@click.option("--last", default=14, show_default=True, type=click.IntRange(1, 10000), help="How many runs to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, run: str | None, last: int, as_json: bool) -> None:
    """List the runs, newest first. With RUN (an id or its beginning), show the report of that run."""
    with reading(record_path(os.environ)) as record:
        if run is not None:
            return show(_find_report(record, run), as_json=as_json)
        rows = record.runs(last) if record else []
    if as_json:
        return console.document(console.json_of({"runs": rows}))
    if not rows:
        return console.note("There are no runs yet. Start the first one: activity-core triage --help")
    return _print_table(rows)


def _find_report(record: Record | None, prefix: str) -> dict[str, Any]:
    """The report of the one run whose id begins with `prefix`.

    Raises:
        InvalidInput: there is none.
        UsageError: there are several, or `prefix` is empty.
    """
    if not prefix:
        message = "RUN is empty, so every run matches. Nothing is shown."
        raise UsageError("no-run", message, system="record", hint=_LIST_HINT)
    ids = record.ids_with_prefix(prefix, _MOST_LISTED + 1) if record else []
    if len(ids) > 1:
        raise _ambiguous(prefix, ids)
    report = record.report_of_run(ids[0]) if record and ids else None
    if report is None:
        message = f"no run {prefix} with a report. Nothing is shown."
        raise InvalidInput("no-such-run", message, system="record", subject=prefix, hint=_LIST_HINT)
    return report


def _ambiguous(prefix: str, ids: list[str]) -> UsageError:
    several = f"{len(ids)} runs" if len(ids) <= _MOST_LISTED else f"more than {_MOST_LISTED} runs"
    message = f"{several} with a report match {prefix}. Nothing is shown."
    hint = "give more of the id"
    return UsageError("ambiguous-run", message, system="record", subject=prefix, hint=hint, details=ids[:_MOST_LISTED])


def _print_table(rows: list[dict[str, Any]]) -> None:
    cells = [list(_HEAD), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    columns = console.columns()
    shown = _fitting_columns(widths, columns)
    for number, row in enumerate(cells):
        text = _GAP.join(row[at].ljust(widths[at]) for at in shown).rstrip()
        console.lines([console.styled(text, "head") if number == 0 else text])
        error = rows[number - 1]["fault"] if number else None
        if error and error["kind"] != "interrupted":
            console.lines(_indented(error["message"], columns))
    if omitted := [name for at, name in enumerate(_HEAD) if at not in shown]:
        console.note(f"not enough width for: {', '.join(omitted)}; --json has all columns")


def _fitting_columns(widths: list[int], columns: int | None) -> list[int]:
    """Which columns of the table are shown; all of them if the width is unlimited."""
    shown = list(range(len(_HEAD)))
    for name in _OMITTED_FIRST:
        if columns is None or sum(widths[at] for at in shown) + len(_GAP) * (len(shown) - 1) <= columns:
            break
        shown.remove(_HEAD.index(name))
    return shown


def _indented(message: str, columns: int | None) -> list[str]:
    indent = "  "
    if columns is None:
        return [f"{indent}{message}"]
    return textwrap.wrap(message, columns, initial_indent=indent, subsequent_indent=indent)


def _cells(row: dict[str, Any]) -> list[str]:
    began = dates.parsed(row["began_at"])
    took = (dates.parsed(row["ended_at"]) - began).total_seconds() if row["ended_at"] else None
    return [
        row["id"],
        f"{dates.duration((datetime.now(UTC) - began).total_seconds())} ago",
        "-" if took is None else dates.duration(took),
        row["state"].replace("_", " "),
        *("-" if row[name] is None else str(row[name]) for name in ("items", "needs_human")),
        row["model"] or "-",
        "-" if row["tokens"] is None else f"{row['tokens']:,}",
        "-" if row["model"] is None else wording.money(row["cost_usd"]),
    ]
