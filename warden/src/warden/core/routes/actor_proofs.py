"""What the last proofs of the actors add up to, for the entry that has their certificates.

It is never better than its worst part: one that was never proven makes it unproven, and its age is that of the oldest.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from warden.core.journal.record import LaneState
from warden.core.routes.freshness import Standing, is_recent
from warden.core.routes.proof_summary import summary_of
from warden.core.routes.route import Route, RouteActor, RouteProof

_WORST_FIRST: Sequence[Standing] = ("refuted", "inconclusive", "unproven", "stale", "partial", "proven")


def route_actor(
    name: str, state: LaneState, *, applied_since: bool, now: dt.datetime, counts_for: dt.timedelta
) -> RouteActor:
    """How the actor's last proof stands. ``applied_since``: what OpenBao has was changed after it."""
    if state.proof is None:
        return RouteActor(actor=name)
    summary = summary_of(state.proof)
    counts = is_recent(state.proof.at, now, counts_for) and not (applied_since or state.overtaken)
    standing: Standing = "stale" if summary.state == "proven" and not counts else summary.state
    return RouteActor(
        actor=name,
        state=standing,
        at=state.proof.at,
        passed=summary.passed,
        failed=summary.failed,
        total=summary.total,
    )


def with_actors(route: Route, actors: Sequence[RouteActor]) -> Route:
    """The route with them, and what they add up to."""
    if not actors:
        return route
    proof = RouteProof(
        state=min((each.state for each in actors), key=_WORST_FIRST.index),
        at=min((each.at for each in actors if each.at), default=None),
        passed=sum(each.passed for each in actors),
        failed=sum(each.failed for each in actors),
        total=sum(each.total for each in actors),
    )
    return msgspec.structs.replace(route, actors=tuple(actors), proof=proof)
