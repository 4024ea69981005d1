"""The route to a credential: the record that people and agents rely on, by the names they know.

`settle` is all that time and the journal change about it: a route is drawn from its entry once, and settled each time
it is shown. Nothing is claimed that was not just measured: a proof that is too old is shown as ``stale``.
"""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.journal.record import LaneState
from warden.core.proofs.freshness import Standing, last_proof
from warden.core.proofs.summary import Declaration


class RouteProof(msgspec.Struct, frozen=True, kw_only=True):
    """How the last proof stands, and its counts; ``at`` is ISO 8601 UTC."""

    state: Standing = "unproven"
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
    proof: RouteProof = RouteProof()
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


def declaration(route: Route) -> Declaration:
    """What a proof of the lane is a proof of. A reader at another cluster's auth mount is the same reader."""
    return Declaration(
        path=route.path,
        fields=tuple(sorted(route.fields)),
        policy=route.policy,
        readers=tuple(sorted({f"{each.subject} {each.role} {each.audience or ''}".strip() for each in route.readers})),
        deliveries={each.cluster: f"{each.how} {each.secret}" for each in route.deliveries},
    )


def _proof(route: Route, state: LaneState, now: dt.datetime) -> RouteProof:
    found = last_proof(state, declaration(route), now)
    if found is None:
        return RouteProof()
    summary = found.summary
    return RouteProof(
        state=found.standing, at=found.at, passed=summary.passed, failed=summary.failed, total=summary.total
    )
