"""The actors' last proofs, in the route to their certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warden.core.errors import Invalid
from warden.core.journal.record import LaneState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from warden.core.inventory.inventory import Inventory
    from warden.core.routes.route import Route
    from warden.ports.journal import Journal

    InventoryOrFault = Callable[[], Inventory | Invalid]


def with_actor_proofs(
    found: Route, inventory: InventoryOrFault, journal: Journal, now: dt.datetime, counts_for: dt.timedelta
) -> Route:
    """The same route for anything but certificates, and where the inventory has errors."""
    if found.kind != "certificate":
        return found
    declared = inventory()
    if isinstance(declared, Invalid):
        return found
    from warden.core.routes.actor_proofs import route_actor, with_actors

    states = journal.states()
    actors = []
    for name in sorted(declared.actors):
        state = states.get(name, LaneState())
        proof = state.proof
        applied = journal.here(journal.log(lane=name, after=proof.seq, events=("apply.done",))) if proof else ()
        actors.append(route_actor(name, state, applied_since=bool(applied), now=now, counts_for=counts_for))
    return with_actors(found, actors)
