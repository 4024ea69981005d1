"""``warden route``: who owns a credential, where it is, and what to do next."""

import functools
from datetime import UTC, datetime

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal, wiring_ssh
from warden.present import terminal

json_flag = click.option("--json", "as_json", is_flag=True, help="Print the record by its documented names.")


@click.group()
def route() -> None:
    """Find who owns a credential and how to get it; no secret is read.

    \b
    Examples:
      warden route find "openrouter key"
      warden route show openrouter-llm-connect --json
    """


@route.command("list")
@click.option("--all", "drafts", is_flag=True, help="Include drafts.")
@click.option("--tag", metavar="TAG", help="Only entries with this tag.")
@click.option("--stale", is_flag=True, help="Only entries whose last review is over 90 days old.")
@json_flag
@click.pass_context
def list_(ctx: click.Context, /, drafts: bool, tag: str | None, stale: bool, as_json: bool) -> None:
    """List the active entries.

    \b
    Examples:
      warden route list
      warden route list --all --tag ssh --json
    """
    from warden.core.typed import composed
    from warden.present import routes
    from warden.usecases.route import listed

    platform = wiring.platform_dir(ctx)
    catalog, journal = wiring.catalog(platform), wiring_journal.journal(platform, asks=False)
    found = listed(
        catalog,
        journal,
        datetime.now(UTC),
        functools.partial(wiring_ssh.read, platform),
        drafts=drafts,
        tag=composed(tag or "") or None,
        stale=stale,
    )
    if as_json:
        terminal.document([routes.as_json(each) for each in found])
    else:
        routes.show_table(found)
    routes.show_left_out(catalog.faulty)


@route.command(short_help="Show one entry, and what to do next.")
@click.argument("entry_id", metavar="ID", shell_complete=complete.entries)
@json_flag
@click.pass_context
def show(ctx: click.Context, /, entry_id: str, as_json: bool) -> None:
    """Show one entry: owners, path, fields, readers, state and what to do next.

    \b
    Examples:
      warden route show openrouter-llm-connect
      warden route show openbao-api-key --json
    """
    from warden.core.lanes.search import expect_words
    from warden.present import routes
    from warden.usecases import route as usecase

    platform = wiring.platform_dir(ctx)
    declared = wiring.entry_route(platform, expect_words(entry_id, "id"))
    found = usecase.show(
        declared,
        wiring_journal.journal(platform, asks=False),
        datetime.now(UTC),
        wiring_files.counts_for(platform),
        functools.partial(wiring_ssh.read, platform),
    )
    if as_json:
        terminal.document(routes.as_json(found))
    else:
        routes.show_block(found)


@route.command()
@click.argument("need", nargs=-1, required=True)
@click.option("--all", "drafts", is_flag=True, help="Include drafts.")
@json_flag
@click.pass_context
def find(ctx: click.Context, /, need: tuple[str, ...], drafts: bool, as_json: bool) -> None:
    """Find the entry that answers a need in your own words.

    Where that is not sure, at most three that may be meant are shown, best first.

    \b
    Examples:
      warden route find "openrouter key"
      warden route find publish to npm --json
    """
    from warden.core.lanes.search import NotOwned, unowned
    from warden.present import routes
    from warden.usecases import find as usecase

    platform = wiring.platform_dir(ctx)
    catalog, journal = wiring.searchable(platform), wiring_journal.journal(platform, asks=False)
    found = usecase.find(
        catalog,
        " ".join(need),
        journal,
        datetime.now(UTC),
        functools.partial(wiring_ssh.read, platform),
        counts_for=wiring_files.counts_for(platform),
        drafts=drafts,
    )
    if isinstance(found, NotOwned):
        if as_json:
            terminal.document([])
        routes.show_left_out(catalog.faulty)
        raise unowned(found)
    if as_json:
        terminal.document(routes.found_json(found))
    else:
        routes.show_found(found)
    routes.show_left_out(catalog.faulty)
