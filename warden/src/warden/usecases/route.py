"""route: where credentials come from, as the catalog declares it and the journal knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warden.core.lanes.rules import is_stale
from warden.core.routes.route import Route, route, with_state
from warden.usecases.steps.actor_proofs import with_actor_proofs

if TYPE_CHECKING:  # `show` is used most, and does without these
    import datetime as dt

    from warden.core.lanes.catalog import Catalog
    from warden.ports.journal import Journal
    from warden.usecases.steps.actor_proofs import InventoryOrFault


def show(
    declared: Route, journal: Journal, now: dt.datetime, counts_for: dt.timedelta, inventory: InventoryOrFault
) -> Route:
    """The route of one entry as it is now. Raises `JournalUnwritable`."""
    found = with_state(declared, journal.state(declared.id), now, counts_for)
    return with_actor_proofs(found, inventory, journal, now, counts_for)


def listed(
    catalog: Catalog,
    journal: Journal,
    now: dt.datetime,
    inventory: InventoryOrFault,
    *,
    drafts: bool,
    tag: str | None,
    stale: bool,
) -> list[Route]:
    """The routes of the active entries (drafts too, if asked), by id; with `stale` those whose review is too old."""
    states, counts_for = journal.states(), catalog.platform.counts_for
    return [
        with_actor_proofs(route(entry, states.get(entry.id), now, counts_for), inventory, journal, now, counts_for)
        for entry in catalog.entries.values()
        if (drafts or entry.status == "active")
        and (tag is None or tag in entry.tags)
        and (not stale or is_stale(entry.reviewed, now.date()))
    ]
