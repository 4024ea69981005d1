"""The route to a credential: the record that people and agents rely on, by the names they know.

`settle` is all that time and the journal change about it: a route is drawn from its entry once, and settled each time
it is shown. Nothing is claimed that was not just measured: a proof that is too old is shown as ``stale``.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.journal.record import LaneState, Record

FRESH = dt.timedelta(hours=24)
"""How long a proof counts."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The last proof; ``at`` is ISO 8601 UTC.

    ``unproven`` where there is none, ``stale`` where it no longer counts (too old, of another declaration, of before
    the lane was closed), ``partial`` where it left deliveries out.
    """

    state: Literal["proven", "refuted", "inconclusive", "stale", "partial", "unproven"] = "unproven"
    at: str | None = None
    passed: int = 0
    failed: int = 0
    total: int = 0


class RouteReader(msgspec.Struct, frozen=True, kw_only=True):
    """A declared reader: ``subject`` is ``namespace/name`` or a group.

    ``audience`` is what a workload's token has to be for; people log in at ``mount``, which knows its own.
    """

    kind: Literal["workload", "people"]
    subject: str
    mount: str
    role: str
    audience: str | None


class RouteDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster gets the value: ``how`` is ``external-secret`` or ``by-hand``, ``refresh`` in seconds."""

    cluster: str
    how: Literal["external-secret", "by-hand"]
    secret: str
    store: str | None
    refresh: int | None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a credential comes from, whose it is, and what to do next (``warden route show ID --json``).

    ``resolvable``: declared active, exec-capable, no placeholder left, not closed in the journal. ``role`` is the
    first reader's; all of them are in ``readers``. ``closed`` is when it was closed, ISO 8601 UTC.
    """

    id: str
    kind: str
    title: str
    status: str
    owner_repo: str
    owners: dict[str, str]
    subsystem: str
    warden_role: Literal["issue", "assist", "route"]
    warden_executes: bool
    exec_capable: bool
    resolvable: bool
    auth_method: str
    path: str | None
    fields: tuple[str, ...]
    policy: str | None
    role: str | None
    readers: tuple[RouteReader, ...]
    needs: tuple[str, ...]
    tags: tuple[str, ...]
    playbook: str | None
    reviewed: dt.date
    next_action: str
    closed: str | None = None
    proof: Proof = Proof()
    deliveries: tuple[RouteDelivery, ...] = ()


def settle(route: Route, state: LaneState | None, now: dt.datetime) -> Route:
    """The route as it stands now: its proof, and closed if the journal says so (then it is not resolvable)."""
    if state is None:
        return route
    if state.closed is not None:
        return msgspec.structs.replace(
            route,
            proof=_proof(route, state, now),
            closed=state.closed.at,
            resolvable=False,
            next_action=f"closed since {state.closed.at}; who can open it: {route.owner_repo}",
        )
    return msgspec.structs.replace(route, proof=_proof(route, state, now))


def basis(route: Route) -> dict[str, Any]:
    """What a proof of the lane is a proof of, as the journal keeps it beside the proof.

    A reader that has a seat at a cluster's mount besides is the same one.
    """
    return {
        "path": route.path,
        "fields": sorted(route.fields),
        "policy": route.policy,
        "readers": sorted({f"{each.subject} {each.role} {each.audience or ''}".strip() for each in route.readers}),
        "deliveries": {each.cluster: f"{each.how} {each.secret}" for each in route.deliveries},
    }


def still_of(state: LaneState, declared: Mapping[str, Any]) -> bool:
    """Whether the last proof is of this declaration, and of a lane that was neither closed nor opened since.

    A proof that was recorded without what it is of is taken to be of this.
    """
    if state.proof is None or state.overtaken:
        return False
    return bool(state.proof.body.get("declared", declared) == declared)


def of_late(proof: Record, now: dt.datetime) -> bool:
    """Whether a proof is young enough to count."""
    return now - dt.datetime.fromisoformat(proof.at) <= FRESH


def _proof(route: Route, settled: LaneState, now: dt.datetime) -> Proof:
    record = settled.proof
    if record is None:
        return Proof()
    said = record.body
    state = said.get("state", "inconclusive")
    if state == "proven" and not (of_late(record, now) and still_of(settled, basis(route))):
        state = "stale"
    elif state == "proven":
        state = "proven" if said.get("scope", "lane") == "lane" else "partial"
    return Proof(
        state=state,
        at=record.at,
        passed=int(said.get("passed", 0)),
        failed=int(said.get("failed", 0)),
        total=int(said.get("total", 0)),
    )
