"""Whether the last proof counts."""

import datetime as dt

import msgspec
import pytest

from warden.core.journal.record import LaneState, Record
from warden.core.routes.freshness import FRESH, last_proof
from warden.core.routes.proof_summary import Declaration, ProofSummary, as_record

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DECLARED = Declaration(path="p/x", fields=("A",), policy="p", readers=("t/a r",), deliveries={})
PROVEN = ProofSummary(state="proven", passed=3, total=3, system="https://a", declared=DECLARED)


def state(summary=PROVEN, age=dt.timedelta(), *, overtaken=False, **changed):
    body = as_record(msgspec.structs.replace(summary, **changed))
    at = (NOW - age).isoformat()
    proof = Record(seq=4, at=at, event="proof", lane="x", actor="a", body=body, hash="")
    return LaneState(proof=proof, overtaken=overtaken)


def standing(found):
    return last_proof(found, DECLARED, NOW, FRESH).standing


def test_where_there_is_no_proof_there_is_none():
    assert last_proof(LaneState(), DECLARED, NOW, FRESH) is None


@pytest.mark.parametrize(
    ("age", "result", "shown"),
    [
        (dt.timedelta(hours=23, minutes=59), "proven", "proven"),
        (dt.timedelta(hours=24), "proven", "proven"),
        (dt.timedelta(hours=24, seconds=1), "proven", "stale"),
        (dt.timedelta(seconds=-30), "proven", "proven"),
        (dt.timedelta(hours=-2), "proven", "stale"),
        (dt.timedelta(days=9), "refuted", "refuted"),
        (dt.timedelta(days=9), "inconclusive", "inconclusive"),
    ],
)
def test_a_proof_counts_for_a_day_and_what_was_refuted_stays_so(age, result, shown):
    assert standing(state(age=age, state=result)) == shown


@pytest.mark.parametrize(("hours", "shown"), [(2, "stale"), (3, "proven"), (7 * 24, "proven")])
def test_the_catalog_says_how_long_a_proof_counts(hours, shown):
    old = state(age=dt.timedelta(hours=3))
    assert last_proof(old, DECLARED, NOW, dt.timedelta(hours=hours)).standing == shown


@pytest.mark.parametrize(
    "changed",
    [
        {"declared": msgspec.structs.replace(DECLARED, path="p/y")},
        {"declared": msgspec.structs.replace(DECLARED, deliveries={"c": "by-hand t/s"})},
        {"declared": None},
        {"overtaken": True},
    ],
)
def test_a_proof_of_another_declaration_or_of_before_the_lane_was_closed_does_not_count(changed):
    found = last_proof(state(**changed), DECLARED, NOW, FRESH)
    assert (found.applies, found.recent, found.counts, found.standing) == (False, True, False, "stale")


@pytest.mark.parametrize("scope", ["custody", "some clusters"])
def test_a_proof_that_left_deliveries_out_is_partial(scope):
    assert standing(state(scope=scope)) == "partial"
    assert standing(state(scope=scope, state="refuted")) == "refuted"


def test_a_record_of_an_earlier_shape_does_not_count():
    earlier = msgspec.structs.replace(state().proof, body={"state": "proven", "passed": 3, "total": 3})
    found = last_proof(LaneState(proof=earlier), DECLARED, NOW, FRESH)
    assert (found.standing, found.summary.passed) == ("stale", 3)
