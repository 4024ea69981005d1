"""``warden catalog``: check the declared files."""

from datetime import UTC, datetime

import click

from warden.cli import wiring
from warden.core.errors import Exit
from warden.present import terminal


@click.group()
def catalog() -> None:
    """Check the declared files.

    \b
    Examples:
      warden catalog check
      warden --platform ./platform catalog check --json
    """


@catalog.command()
@click.option("--json", "as_json", is_flag=True, help="Print an object: faults[], files, pages, unchecked.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool) -> int:
    """Check every file of the catalog and the access policies and report all errors.

    \b
    Examples:
      warden catalog check
      warden catalog check --json | jq '.faults[] | select(.warning | not)'
    \b
    Warnings do not change the exit code.
    """
    from warden.core.search.findability import weaknesses
    from warden.present import catalog as present
    from warden.usecases.catalog_check import check as check_catalog

    platform = wiring.platform_dir(ctx)
    found = wiring.catalog(platform)
    beside = [*wiring.policy_faults(platform), *wiring.unread_files(platform)]
    search = wiring.searchable(platform)
    weak = weaknesses(search.index, found.entries, search.stemmers)
    report = check_catalog(found, wiring.pages(platform, found), datetime.now(UTC).date(), beside, weak)
    if as_json:
        terminal.document(present.as_json(report))
    else:
        present.show(report)
    return int(Exit.NO if report.wrong else Exit.DONE)
