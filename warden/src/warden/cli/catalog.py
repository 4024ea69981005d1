"""``warden catalog``: check the declared files, and say what they may hold."""

import click

from warden.cli import wiring, wiring_files, wiring_ssh
from warden.cli.clock import now
from warden.core.errors import Exit, Invalid
from warden.present import terminal


@click.group()
def catalog() -> None:
    """Check the declared files, and give editors their schemas.

    \b
    Examples:
      warden catalog check
      warden --platform ./platform catalog check --json
      warden catalog schema --write
    """


@catalog.command(short_help="Check every file and report all errors.")
@click.option("--json", "as_json", is_flag=True, help="Print an object: faults[], files, pages, unchecked.")
@click.pass_context
def check(ctx: click.Context, /, as_json: bool) -> int:
    """Check every declared file and report all errors: catalog, inventory, change requests, access policies.

    \b
    Examples:
      warden catalog check
      warden catalog check --json | jq '.faults[] | select(.warning | not)'

    Warnings do not change the exit code.
    """
    from warden.core.search.findability import weaknesses
    from warden.present import catalog as present
    from warden.usecases.catalog_check import check as check_catalog

    platform = wiring.platform_dir(ctx)
    found = wiring_files.catalog_to_check(platform)
    beside = [*wiring.policy_faults(platform), *wiring.unread_files(platform)]
    beside += wiring_files.faults_elsewhere(platform, found)
    beside += wiring_files.request_faults(platform, found)
    beside += wiring_ssh.inventory_faults(platform, found)
    others = [*wiring_files.change_requests(platform, ()).files, *wiring_ssh.inventory_files(platform)]
    try:
        search = wiring.searchable(platform)
    except Invalid:  # platform.yaml or clusters.yaml: how entries are found is said when these are right
        weak = []
    else:
        weak = list(weaknesses(search.index, found.entries, search.stemmers))
    pages, today = wiring.pages(platform, found), now().date()
    report = check_catalog(found, pages, today, sources=wiring_files.sources(), also=beside, weak=weak, others=others)
    if as_json:
        terminal.document(present.as_json(report))
    else:
        present.show(report)
    return int(Exit.NO if report.wrong else Exit.DONE)


@catalog.command(short_help="Print the JSON Schema of a kind of file.")
@click.argument(
    "file", type=click.Choice(["entry", "platform", "clusters", "inventory", "change-request"]), default="entry"
)
@click.option("--write", "writes", is_flag=True, help="Write all schemas into schema/ of the platform directory.")
@click.option("--check", "checks", is_flag=True, help="Only say whether the schemas there are this version's.")
@click.pass_context
def schema(ctx: click.Context, /, file: str, *, writes: bool, checks: bool) -> int:
    """Print the JSON Schema of a file: an entry, platform.yaml, clusters.yaml, inventory.yaml or a change request.

    \b
    Examples:
      warden catalog schema > lane.json
      warden catalog schema --write

    An editor uses it by the first line of a file: # yaml-language-server: $schema=../schema/entry.json

    \b
    Exit codes:
      1  with --check, if one differs
    """
    from warden.present import catalog as present

    if not writes and not checks:
        terminal.document(wiring_files.schemas().schema(file))
        return int(Exit.DONE)
    platform = wiring.platform_dir(ctx)
    found = wiring_files.schemas().write(platform) if writes else wiring_files.schemas().differing(platform)
    present.show_schemas(found, written=writes)
    return int(Exit.NO if found and not writes else Exit.DONE)
