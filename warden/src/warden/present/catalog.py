"""The report of ``warden catalog check`` for people, and the lanes that a command left out."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from warden.core.lanes.catalog import LeftOut
from warden.core.remedies import warden
from warden.core.search.findability import FEW, Confused, FewNeeds, Weakness
from warden.present import errors, terminal
from warden.present.commands import to_paste
from warden.present.terminal import counted
from warden.usecases.catalog_check import Report


def as_json(report: Report) -> dict[str, Any]:
    """``faults [{file, line, field, message, warning}], files, pages, unchecked``.

    What makes an entry hard to find is a fault, too, with ``kind``, ``entry``, and ``need``, ``other`` or ``count``.
    """
    faults = [msgspec.to_builtins(fault) for fault in report.faults]
    for each in report.hard_to_find:
        shown = {"file": each.file, "line": each.line, "message": _weakness(each.weakness), "warning": True}
        faults.append(shown | msgspec.to_builtins(each.weakness))
    faults.sort(key=lambda fault: (fault["file"], fault["line"]))
    return {"faults": faults, "files": report.files, "pages": report.pages, "unchecked": report.unchecked}


def show(report: Report) -> None:
    """Every fault with its place, then how many there are in how many files."""
    for fault in as_json(report)["faults"]:
        where = f"{fault['file']}:{fault['line']}" if fault["line"] else fault["file"]
        field = f"{fault['field']}: " if fault["field"] else ""
        word = terminal.styled("warning: ", "warn") if fault["warning"] else ""
        terminal.line(f"{where}: {word}{field}{fault['message']}")
    files = len({fault.file for fault in report.wrong})
    warnings = len(report.faults) - len(report.wrong) + len(report.hard_to_find)
    total = counted(report.files, "file")
    found = f"{counted(len(report.wrong), 'error')} in {files} of {total}" if files else f"ok: no errors in {total}"
    terminal.line(f"{found}, {counted(warnings, 'warning')}" if warnings else found)
    if report.unchecked:
        terminal.note(
            f"{report.unchecked} of {counted(report.pages, 'page')} not checked: their repositories are not checked out"
            " here (platform.yaml: repos)"
        )


def _weakness(weakness: Weakness) -> str:
    if isinstance(weakness, FewNeeds):
        return f"{weakness.count} of at least {FEW}; write what people ask for, and the errors that they see"
    if isinstance(weakness, Confused):
        return f'words like "{weakness.need}" lead to {weakness.other} first; say what is different here'
    return f'words like "{weakness.need}" find nothing; say what it is'


def show_left_out(left_out: Iterable[LeftOut]) -> None:
    """Each lane that ``--all`` passed over, with the errors of its file."""
    for each in left_out:
        terminal.error(each.error, as_json=False)


def left_out_json(left_out: LeftOut) -> dict[str, Any]:
    """``lane, error {}``: the place of a lane that ``--all`` passed over, among the others."""
    return {"lane": left_out.id, "error": errors.as_json(left_out.error)}


def show_schemas(found: Sequence[str], *, written: bool) -> None:
    """Which schemas were written, or differ from this version's."""
    for each in found:
        terminal.line(f"written: {each}" if written else f"schema/{each}.json is not this version's")
    if not found:
        terminal.note("The schemas are this version's.")
    elif not written:
        terminal.note(f"Next: {to_paste(warden('catalog schema', write=True))}")
