"""``warden route``: who owns a credential, where it is, and what to do next."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from warden.cli import wiring
from warden.core.lanes.route import Route, settle
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.catalog import Catalog

AS_JSON = click.option("--json", "as_json", is_flag=True, help="The record by its documented names.")


@click.group()
def route() -> None:
    """Find who owns a credential and how to get it. Nothing secret is read.

    \b
    Examples:
      warden route find "openrouter key"
      warden route show openrouter-llm-connect --json
    """


@route.command("list")
@click.option("--all", "every", is_flag=True, help="Drafts too.")
@click.option("--tag", metavar="TAG", help="Only entries with this tag.")
@click.option("--stale", is_flag=True, help="Only entries that nobody reviewed for 90 days.")
@AS_JSON
@click.pass_context
def list_(ctx: click.Context, /, every: bool, tag: str | None, stale: bool, as_json: bool) -> None:
    """List the active entries.

    \b
    Examples:
      warden route list
      warden route list --all --tag ssh --json
    """
    from warden.core.lanes.rules import is_stale

    catalog = wiring.catalog(wiring.platform_dir(ctx))
    today = datetime.now(UTC).date()
    chosen = [
        entry.id
        for entry in catalog.entries.values()
        if (every or entry.status == "active")
        and (tag is None or tag in entry.tags)
        and (not stale or is_stale(entry.reviewed, today))
    ]
    found = _routes(catalog, chosen)
    if as_json:
        terminal.document(found)
    else:
        _table(found)
    _left_out(catalog)


@route.command(short_help="Show one entry in full.")
@click.argument("entry_id", metavar="ID")
@AS_JSON
@click.pass_context
def show(ctx: click.Context, /, entry_id: str, as_json: bool) -> None:
    """Show one entry: owners, path, fields, readers, state and what to do next.

    \b
    Examples:
      warden route show openrouter-llm-connect
      warden route show openbao-api-key --json
    \b
    Exit codes: 1 no such entry, or its file has faults (all are said); 3 the journal cannot be read.
    """
    drawn = wiring.drawn(wiring.platform_dir(ctx), entry_id)
    found = settle(drawn, wiring.journal().state(entry_id), datetime.now(UTC))
    if as_json:
        terminal.document(found)
    else:
        _block(found)


@route.command()
@click.argument("need", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Drafts too.")
@AS_JSON
@click.pass_context
def find(ctx: click.Context, /, need: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Find the entries that answer a need in your own words, best first.

    \b
    Examples:
      warden route find "openrouter key"
      warden route find publish to npm --json
    \b
    Exit codes: 0 found, 1 nobody here owns this (the nearest entries are named).
    """
    from warden.core.lanes.search import Unowned, answer

    catalog = wiring.catalog(wiring.platform_dir(ctx))
    try:
        hits = answer(catalog.entries, " ".join(need), wiring.words(), drafts=every)
    except Unowned:
        if as_json:
            terminal.document([])
        _left_out(catalog)
        raise
    found = _routes(catalog, [hit.id for hit in hits])
    if as_json:
        terminal.document([terminal.plain(one) | {"score": hit.score} for one, hit in zip(found, hits, strict=True)])
    else:
        _blocks(found)
    _left_out(catalog)


def _routes(catalog: "Catalog", chosen: list[str]) -> list[Route]:
    from warden.core.lanes.routing import route as drawn

    states, now = wiring.journal().states(), datetime.now(UTC)
    return [drawn(catalog.entries[entry_id], states.get(entry_id), now) for entry_id in chosen]


def _left_out(catalog: "Catalog") -> None:
    if catalog.faulty:
        count = len(catalog.faulty)
        noun = "entry has faults and is" if count == 1 else "entries have faults and are"
        terminal.note(f"{count} {noun} left out ({', '.join(catalog.faulty[:3])}{', …' if count > 3 else ''});")  # noqa: PLR2004 - as many as fit
        terminal.note("  warden catalog check")


def _table(found: list[Route]) -> None:
    if not found:
        terminal.note("No entry is like that. All of them: warden route list --all")
        return
    rows = [(one.id, state_of(one).partition(" (")[0], one.owner_repo, one.title) for one in found]
    terminal.table(("ID", "STATE", "OWNER", "TITLE"), rows)
    terminal.note(f"{len(found)} shown. One of them in full: warden route show {found[0].id}")


def _blocks(found: list[Route]) -> None:
    for number, one in enumerate(found):
        if number:
            terminal.line()
        _block(one)


def _block(one: Route) -> None:
    owners = ", ".join(f"{repo} ({stretch})" if stretch != "owner" else repo for stretch, repo in one.owners.items())
    readers = [f"{reader.subject} (auth/{reader.mount}, role {reader.role})" for reader in one.readers]
    deliveries = [f"{each.cluster}: {each.how} {each.secret}" for each in one.deliveries]
    shown = [("owners", owners), ("path", one.path or "")]
    shown += [("fields", ", ".join(one.fields)), ("log in", "" if one.kind == "lane" else one.auth_method)]
    shown += [("reader", reader) for reader in readers] + [("delivery", each) for each in deliveries]
    shown += [("playbook", one.playbook or ""), ("state", state_of(one))]
    shown += [("use it" if one.resolvable else "next", one.next_action)]
    terminal.line(f"{terminal.styled(one.id, 'head')} · {one.title}")
    for name, text in shown:
        if text:
            terminal.line(f"  {name:<8} {text}")


def state_of(one: Route) -> str:
    """``active, proven 3 h ago (10 of 10)``: what is declared, and what was measured of it."""
    if one.closed:
        return f"closed {terminal.ago(one.closed)}"
    if one.kind != "lane":
        return f"{one.status} {one.kind}"
    if one.status == "draft":
        return "draft"
    proof = one.proof
    if proof.at is None:
        return f"{one.status}, unproven"
    word = "proof is old:" if proof.state == "stale" else proof.state
    return f"{one.status}, {word} {terminal.ago(proof.at)} ({proof.passed} of {proof.total})"
