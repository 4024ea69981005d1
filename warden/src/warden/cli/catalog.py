"""``warden catalog``: the declared files, judged."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from warden.cli import wiring
from warden.core.errors import Exit
from warden.present import terminal

if TYPE_CHECKING:
    from warden.usecases.catalog_check import Report


@click.group()
def catalog() -> None:
    """Check the declared files.

    \b
    Examples:
      warden catalog check
      warden --platform ./platform catalog check --json
    """


@catalog.command(short_help="Say every fault of every file.")
@click.option("--json", "as_json", is_flag=True, help="An object: faults[], files, pages, unchecked.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool) -> int:
    """Say every fault of every file of the catalog and the access policies: line, field, and what is allowed there.

    \b
    Examples:
      warden catalog check
      warden catalog check --json | jq '.faults[] | select(.warning | not)'
    \b
    Exit codes: 0 none (warnings do not count), 1 faults.
    """
    from warden.usecases.catalog_check import check as judge

    platform = wiring.platform_dir(ctx)
    found = wiring.parsed_catalog(platform)
    beside = [*wiring.policy_faults(platform), *wiring.unread_files(platform)]
    report = judge(found, wiring.pages(platform, found), datetime.now(UTC).date(), beside)
    if as_json:
        terminal.document(report)
    else:
        _show(report)
    return int(Exit.NO if report.wrong else Exit.DONE)


def _show(report: "Report") -> None:
    for fault in report.faults:
        where = f"{fault.file}:{fault.line}" if fault.line else fault.file
        field = f"{fault.field}: " if fault.field else ""
        word = terminal.styled("warning: ", "warn") if fault.warning else ""
        terminal.line(f"{where}: {word}{field}{fault.message}")
    touched = len({fault.file for fault in report.wrong})
    warned = len(report.faults) - len(report.wrong)
    total = _count(report.files, "file")
    said = f"{_count(len(report.wrong), 'fault')} in {touched} of {total}" if touched else f"ok: no faults in {total}"
    terminal.line(f"{said}, {_count(warned, 'warning')}" if warned else said)
    if report.unchecked:
        terminal.note(
            f"{report.unchecked} of {_count(report.pages, 'page')} not looked at: in repositories that are not here"
            " (platform.yaml: repos)"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
