"""next: everything that is left to do, from one look at every lane, the journal, the change requests and the catalog.

No value is read and nothing is changed.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from warden.core.changes.flaws import Missing
from warden.core.errors import Effect, Invalid, NotFound, WardenError
from warden.core.inventory.inventory import Inventory
from warden.core.journal.record import LaneState, Record
from warden.core.lanes.catalog import Catalog
from warden.core.lifecycle.actor_actions import SubjectFacts, of_inventory, of_subject
from warden.core.lifecycle.next_actions import (
    LaneFacts,
    NextAction,
    OpenRequest,
    certificate_owner,
    in_order,
    of_emergencies,
    of_files,
    of_lane,
    of_requests,
    of_reviews,
    owners,
    unknown_owner,
)
from warden.core.openbao.ssh_roles import SshResources, derive
from warden.core.remedies import warden
from warden.core.routes.freshness import last_proof
from warden.core.routes.route import declaration, declared_route
from warden.ports.clock import Clock
from warden.ports.clusters import Clusters
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.change import Shown
from warden.usecases.status import Observed, observe
from warden.usecases.steps.emergencies import waiting_emergencies


class NextReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, the most urgent first; and what kept a part of that from being observed."""

    actions: tuple[NextAction, ...]
    faults: tuple[WardenError, ...] = ()


def next_actions(
    catalog: Catalog,
    vault: Vault | None,
    clusters: Clusters | None,
    journal: Journal,
    *,
    requests: Iterable[Shown],
    clock: Clock,
    inventory: Inventory | Invalid,
    lane: str = "",
    owner: str = "",
) -> NextReport:
    """Everything that is left; of one `lane`, or for one `owner`. Without a `vault` OpenBao is not looked at.

    Raises:
        NotFound: nothing in the catalog has that owner.
        UsageError, NotFound, Invalid: as `Catalog.lane`.
        JournalUnwritable: the journal cannot be read.
    """
    known = owners(catalog.declared.values())
    if owner and owner not in known:
        problem = unknown_owner(owner, known)
        meant = warden("next", owner=problem.nearest[0]) if problem.nearest else warden("next")
        raise NotFound(problem, effect=Effect.NOTHING_ASKED, system="platform", subject=owner, remedy=(meant,))
    lanes = [catalog.lane(lane)] if lane else list(catalog.lanes.values())
    observed, faults = observe(lanes, vault, clusters, journal)
    rotations, now, counts_for = last_rotations(journal), clock(), catalog.platform.counts_for
    found = [
        action
        for each in observed
        for action in left_of(each, rotations, now, counts_for, catalog.files.get(each.lane.id, ""))
    ]
    entries = {name: each for name, each in catalog.entries.items() if not lane or name == lane}
    found += of_requests(map(_open, _waiting(requests)), {each.id: each for each in lanes})
    found += of_reviews(entries, catalog.files, now.date())
    if not lane:
        signs = certificate_owner(catalog.declared.values())
        found += of_emergencies(waiting_emergencies(journal), signs)
        subjects = _subjects(inventory, None if faults else vault, journal)
        found += (action for each in subjects for action in of_subject(each, signs, now, counts_for))
        found += of_inventory(inventory, signs)
    found += of_files((each for each in catalog.left_out if not lane), catalog.declared)
    return NextReport(actions=in_order(each for each in found if not owner or each.owner == owner), faults=faults)


def _subjects(inventory: Inventory | Invalid, vault: Vault | None, journal: Journal) -> Iterator[SubjectFacts]:
    """What is known of each actor and host."""
    if isinstance(inventory, Invalid):
        return
    states = journal.states()
    for name in (*inventory.actors, *inventory.hosts):
        state = states.get(name, LaneState())
        proof = state.proof
        applied = journal.here(journal.log(lane=name, after=proof.seq, events=("apply.done",))) if proof else ()
        yield SubjectFacts(
            name=name,
            actor=inventory.actor(name),
            applied=_is_applied(derive(name, inventory), vault),
            state=state,
            changed_since=bool(applied),
        )


def _is_applied(resources: SshResources | None, vault: Vault | None) -> bool:
    """Whether OpenBao has its policy; also where nothing of it is to be there, or nobody can be asked."""
    if resources is None or vault is None:
        return True
    try:
        return vault.policy(resources.policy) is not None
    except WardenError:
        return True


def left_of(
    observed: Observed, rotations: Mapping[str, Record], now: dt.datetime, counts_for: dt.timedelta, file: str = ""
) -> tuple[NextAction, ...]:
    """What is left of one lane, the most urgent first; `file` is the lane's."""
    lane = observed.lane
    facts = LaneFacts(
        lane=lane,
        status=observed.status(now, counts_for),
        file=file,
        proof=last_proof(observed.state, declaration(declared_route(lane)), now, counts_for),
        changed_since=observed.observation.changed_since,
        rotation=rotations.get(lane.id),
    )
    return of_lane(facts)


_ROTATED = (
    "rotate.begin",
    "rotate.done",
    "rotate.unproven",
    "rotate.rolled-back",
    "rotate.abandoned",
    "rotate.waiting",
    "rotate.stopped",
)


def last_rotations(journal: Journal) -> Mapping[str, Record]:
    """The newest record of a rotation of each lane."""
    return {each.lane: each for each in journal.here(journal.log(events=_ROTATED))}


def _waiting(requests: Iterable[Shown]) -> Sequence[Shown]:
    return [each for each in requests if each.is_open and each.next]


def _open(shown: Shown) -> OpenRequest:
    waiting = [name for each in shown.problems if isinstance(each, Missing) for name in each.waiting]
    decided = [each.at for each in shown.request.decisions]
    return OpenRequest(
        id=shown.request.id,
        lane=shown.request.lane,
        remedy=shown.next,
        waiting=tuple(dict.fromkeys(waiting)) if shown.status == "proposed" else (),
        at=max(decided).isoformat() if decided else "",
    )
