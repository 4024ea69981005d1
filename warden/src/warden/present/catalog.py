"""The report of ``warden catalog check`` for people, and the lanes that a command left out."""

from collections.abc import Iterable
from typing import Any

from warden.core.lanes.catalog import LeftOut
from warden.present import errors, terminal
from warden.usecases.catalog_check import Report


def show(report: Report) -> None:
    """Every fault with its place, then how many there are in how many files."""
    for fault in report.faults:
        where = f"{fault.file}:{fault.line}" if fault.line else fault.file
        field = f"{fault.field}: " if fault.field else ""
        word = terminal.styled("warning: ", "warn") if fault.warning else ""
        terminal.line(f"{where}: {word}{field}{fault.message}")
    files = len({fault.file for fault in report.wrong})
    warnings = len(report.faults) - len(report.wrong)
    total = _count(report.files, "file")
    found = f"{_count(len(report.wrong), 'error')} in {files} of {total}" if files else f"ok: no errors in {total}"
    terminal.line(f"{found}, {_count(warnings, 'warning')}" if warnings else found)
    if report.unchecked:
        terminal.note(
            f"{report.unchecked} of {_count(report.pages, 'page')} not checked: their repositories are not checked out"
            " here (platform.yaml: repos)"
        )


def show_left_out(left_out: Iterable[LeftOut]) -> None:
    """Each lane that ``--all`` passed over, with the errors of its file."""
    for each in left_out:
        terminal.error(each.error, as_json=False)


def left_out_json(left_out: LeftOut) -> dict[str, Any]:
    """``lane, error {}``: the place of a lane that ``--all`` passed over, among the others."""
    return {"lane": left_out.id, "error": errors.as_json(left_out.error)}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
