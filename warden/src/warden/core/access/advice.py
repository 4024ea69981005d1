"""What ``warden access`` says to someone who names a need and no command: whose it is, where, how to get at it."""

import msgspec

from warden.core.access.authorization import way_in
from warden.core.journal.record import LaneState
from warden.core.lanes.catalog import Entry, kind_of
from warden.core.lanes.lane import Lane
from warden.core.lanes.route import RouteProof


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One declared reader: who, where it logs in and as what, and one sentence on how to."""

    reader: str
    mount: str
    role: str
    log_in: str


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; ``state`` is ``active``, ``draft`` or ``closed``, ``next_action`` a command or a sentence.

    ``proof`` is what was last measured of it: that it is declared active says nothing of that.
    """

    id: str
    kind: str
    title: str
    state: str
    owners: dict[str, str]
    path: str
    fields: tuple[str, ...]
    readers: tuple[Way, ...]
    next_action: str
    proof: RouteProof = RouteProof()


def advise(entry: Entry, state: LaneState, proof: RouteProof) -> Advice:
    """Advice on any entry; only a lane has readers and a value to hand over."""
    if isinstance(entry, Lane):
        return _of_lane(entry, state, proof)
    return Advice(
        id=entry.id,
        kind=kind_of(entry),
        title=entry.title,
        state=entry.status,
        owners={"owner": entry.owner.repo},
        path=entry.path or "",
        fields=(),
        readers=(),
        next_action=entry.next,
    )


def _of_lane(lane: Lane, state: LaneState, proof: RouteProof) -> Advice:
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    return Advice(
        id=lane.id,
        kind="lane",
        title=lane.title,
        state="closed" if state.closed else lane.status,
        owners={stretch: owner.repo for stretch, owner in owners.items() if owner},
        path=lane.custody.path,
        fields=lane.custody.fields,
        readers=tuple(
            Way(reader=r.label, mount=f"auth/{r.mount}", role=lane.role_of(r), log_in=way_in(lane, r))
            for r in lane.readers
        ),
        next_action=_next(lane, state),
        proof=proof,
    )


def _next(lane: Lane, state: LaneState) -> str:
    if state.closed:
        return f"It is closed since {state.closed.at[:16]}Z; who can open it: {lane.owners.custody.repo}"
    if lane.status == "draft":
        return f"It is a draft; who can finish it: {lane.owners.custody.repo}"
    return f"warden access {lane.id} -- COMMAND"
