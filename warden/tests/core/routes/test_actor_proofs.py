"""What the actors' last proofs add up to: never better than the worst of them, and as old as the oldest."""

import datetime as dt
from pathlib import Path

import pytest

from warden.adapters.catalog.files import load_catalog
from warden.core.journal.record import LaneState, Record
from warden.core.routes.actor_proofs import route_actor, with_actors
from warden.core.routes.freshness import FRESH
from warden.core.routes.proof_summary import ProofSummary, as_record
from warden.core.routes.route import RouteProof, route

NOW = dt.datetime(2026, 7, 3, 12, tzinfo=dt.UTC)
CATALOG = load_catalog(str(Path(__file__).parents[4] / "platform"))
ROUTE = route(CATALOG.entries["ssh-certificate"], None, NOW, FRESH)


def at(hours: float) -> str:
    return (NOW - dt.timedelta(hours=hours)).isoformat()


def actor(hours: float | None, state: str = "proven", name: str = "adm-ada", *, applied: bool = False):
    if hours is None:
        known = LaneState()
    else:
        summary = ProofSummary(state=state, passed=9, failed=int(state == "refuted"), total=10)
        body = as_record(summary)
        known = LaneState(proof=Record(seq=7, at=at(hours), event="proof", lane=name, actor="x", body=body, hash="h"))
    return route_actor(name, known, applied_since=applied, now=NOW, counts_for=FRESH)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (actor(None), "unproven"),
        (actor(1), "proven"),
        (actor(25), "stale"),
        (actor(1, applied=True), "stale"),
        (actor(1, "refuted"), "refuted"),
        (actor(25, "refuted"), "refuted"),
        (actor(1, "inconclusive"), "inconclusive"),
    ],
)
def test_how_each_stands(found, state):
    assert found.state == state


def test_a_proof_of_another_place_is_stale():
    body = as_record(ProofSummary(state="proven"))
    known = LaneState(
        proof=Record(seq=7, at=at(1), event="proof", lane="x", actor="x", body=body, hash="h"), overtaken=True
    )
    assert route_actor("x", known, applied_since=False, now=NOW, counts_for=FRESH).state == "stale"


@pytest.mark.parametrize(
    ("others", "state"),
    [
        ([], "proven"),
        ([actor(25)], "stale"),
        ([actor(25), actor(None)], "unproven"),
        ([actor(None), actor(1, "inconclusive")], "inconclusive"),
        ([actor(None), actor(1, "inconclusive"), actor(2, "refuted")], "refuted"),
    ],
)
def test_the_worst_of_them_decides(others, state):
    assert with_actors(ROUTE, [actor(3), actor(1), *others]).proof.state == state


def test_the_oldest_is_its_time_and_the_counts_are_sums():
    found = with_actors(ROUTE, [actor(1), actor(None), actor(3, "refuted")])
    assert found.proof == RouteProof(state="refuted", at=at(3), passed=18, failed=1, total=20)
    assert [each.state for each in found.actors] == ["proven", "unproven", "refuted"]


def test_without_actors_nothing_is_said():
    assert with_actors(ROUTE, []) == ROUTE
