"""The report of ``warden catalog check`` for people: one line a fault, then the sum."""

from warden.present import terminal
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
