"""A box is ticked by a proof that counts or by a look, and never by both against each other."""

import datetime as dt

import msgspec
import pytest

from warden.core.journal.record import LaneState, Record
from warden.core.lanes.lane import Consumer, Delivery, Rotation
from warden.core.lifecycle.lane_status import LaneObservation, SecretPresence, lane_status
from warden.core.openbao.api import KvMetadata
from warden.core.playbooks.checklist import PlaybookFacts, Tick, boxes, gate
from warden.core.routes.freshness import FRESH, last_proof
from warden.core.routes.proof_summary import DeliverySummary, NotOk, ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
OURS = KvMetadata(current=3, live=True, written=NOW - dt.timedelta(days=10), custom={"catalog-id": "first"})
THERE = SecretPresence(exists=True, resource_version="7")
READS = NotOk(probe="reads", reader="tenant/first")
RUNS = NotOk(probe="consumer", cluster="c1")
PROOF = Tick(by="proof", at=NOW.isoformat(), record=7)
LOOK = Tick(by="look", at="2026-11-20")


@pytest.fixture
def lane(lane_of):
    return lane_of(
        deliveries={
            "c1": Delivery(external_secret="tenant/first-secrets"),
            "c2": Delivery(bootstrap_secret="tenant/x"),
        },
        consumers=(Consumer(deployment="tenant/app"),),
        rotation=Rotation(every=90 * 86400, source="prompt"),
    )


def record(event, body, age=dt.timedelta()):
    return Record(seq=7, at=(NOW - age).isoformat(), event=event, lane="first", actor="a", body=body, hash="")


def proof(lane, *, age=dt.timedelta(), **summary):
    delivered = {
        "c1": DeliverySummary(state="proven", version=3, secret="7"),
        "c2": DeliverySummary(state="proven", by_hand=True),
    }
    usual = {"state": "proven", "declared": declaration(declared_route(lane)), "deliveries": delivered}
    return record("proof", as_record(ProofSummary(**usual | summary)), age)


def facts(lane, *, proven=None, closed=None, rotation=None, shown=(READS, RUNS), wrong=(), **observed):
    """What is known: `proven` is the last proof, `observed` what was looked at; without it nothing was."""
    state = LaneState(proof=proven, closed=closed, overtaken=closed is not None)
    seen = LaneObservation(**({"reachable": True, "metadata": OURS} | observed if observed else {"reachable": False}))
    return PlaybookFacts(
        status=lane_status(lane, state, seen, NOW, FRESH),
        ageless=lane_status(lane, state, seen, NOW, dt.timedelta(days=36500)),
        today=NOW.date(),
        proof=last_proof(state, declaration(declared_route(lane)), NOW, FRESH),
        shown=(*((each, "ok") for each in shown), *((each, "wrong") for each in wrong)),
        closed=closed,
        rotation=rotation,
    )


def found(lane, known, *, aged=True):
    """``condition subject`` -> what it is ticked by, or why it is not."""
    return {f"{each.id} {each.subject}".strip(): each.tick or each.why for each in boxes(lane, known, aged=aged)}


def test_a_proof_of_the_whole_lane_ticks_all_that_it_measures(lane):
    ticked = found(lane, facts(lane, proven=proof(lane)))
    assert {name for name, by in ticked.items() if by == PROOF} == {
        *("path", "value", "declared", "kept", "reads tenant/first", "others"),
        *("delivers c1", "others-there c1", "consumers c1", "by-hand c2"),
    }
    assert ticked["consumers c2"] == "not-in-proof"
    assert (ticked["need"], ticked["smoke"], ticked["rotation"]) == ("for-a-person", "for-a-person", "not-looked-at")


def test_without_proof_and_look_nothing_is_ticked_and_nothing_known(lane):
    known = [each for each in boxes(lane, facts(lane)) if each.why != "for-a-person"]
    assert [each.tick for each in known] == [None] * len(known)
    assert not any(each.known for each in known)


def test_a_look_ticks_what_it_sees_and_no_more(lane):
    ticked = found(lane, facts(lane, secrets={"c1": THERE, "c2": THERE}, access="open"))
    assert {name for name, by in ticked.items() if by == LOOK} == {"path", "value", "by-hand c2", "rotation"}
    assert ticked["declared"] == ticked["reads tenant/first"] == ticked["delivers c1"] == "not-known"


@pytest.mark.parametrize(
    ("observed", "box", "why"),
    [
        ({"metadata": None}, "path", "not-there"),
        ({"metadata": msgspec.structs.replace(OURS, live=False)}, "value", "not-there"),
        ({"access": "nobody"}, "declared", "not-there"),
        ({"access": "partly"}, "declared", "partly"),
        ({"secrets": {"c1": SecretPresence()}}, "delivers c1", "missing"),
        ({"secrets": {"c1": msgspec.structs.replace(THERE, deleting=True)}}, "delivers c1", "deleting"),
        ({"secrets": {"c1": msgspec.structs.replace(THERE, resource_version="8")}}, "delivers c1", "changed"),
        ({"secrets": {"c1": THERE}, "metadata": msgspec.structs.replace(OURS, current=4)}, "delivers c1", "behind"),
        ({"secrets": {"c2": SecretPresence()}}, "by-hand c2", "missing"),
        ({"metadata": msgspec.structs.replace(OURS, written=NOW - dt.timedelta(days=91))}, "rotation", "due"),
    ],
)
def test_a_look_that_contradicts_a_proof_takes_the_tick_away(lane, observed, box, why):
    assert found(lane, facts(lane, proven=proof(lane), **observed))[box] == why


@pytest.mark.parametrize(
    ("against", "box"),
    [
        (NotOk(probe="metadata"), "declared"),
        (NotOk(probe="mount"), "path"),
        (NotOk(probe="live-version"), "value"),
        (NotOk(probe="policy"), "declared"),
        (NotOk(probe="cas-required"), "kept"),
        (READS, "reads tenant/first"),
        (NotOk(probe="other-account", reader="tenant/first"), "others"),
        (NotOk(probe="nobody-else"), "others"),
        (NotOk(probe="value", cluster="c1"), "delivers c1"),
        (NotOk(probe="exposure", cluster="c1"), "others-there c1"),
        (RUNS, "consumers c1"),
    ],
)
def test_a_verdict_against_it_leaves_its_own_box_empty_and_no_other(lane, against, box):
    shown = [each for each in (READS, RUNS) if each != against]
    known = facts(lane, proven=proof(lane, state="refuted", not_ok=(against,)), shown=shown, wrong=(against,))
    ticked = found(lane, known)
    assert ticked[box] == "refuted"
    held = {"path", "value", "declared", "kept", "reads tenant/first", "delivers c1", "others-there c1", "consumers c1"}
    assert {name for name in held - {box} if ticked[name] != PROOF} == set()


def test_an_inconclusive_verdict_is_not_a_refutation(lane):
    known = facts(lane, proven=proof(lane, state="inconclusive", not_ok=(NotOk(probe="nobody-else"),)))
    assert found(lane, known)["others"] == "inconclusive"


def test_a_proof_without_audit_log_ticks_nothing(lane):
    known = facts(lane, proven=proof(lane, state="inconclusive", not_ok=(NotOk(probe="audit"),)))
    assert not any(isinstance(by, Tick) for by in found(lane, known).values())


def test_readers_that_nobody_was_played_as_are_not_ticked(lane):
    ticked = found(lane, facts(lane, proven=proof(lane, scope="custody", deliveries={}), shown=()))
    assert [ticked[name] for name in ("reads tenant/first", "others", "delivers c1")] == ["not-in-proof"] * 3
    assert ticked["path"] == PROOF


def test_an_old_proof_ticks_nothing_unless_its_age_is_left_out(lane):
    known = facts(lane, proven=proof(lane, age=dt.timedelta(hours=25)))
    assert {by for by in found(lane, known).values() if isinstance(by, Tick)} == set()
    assert found(lane, known)["others"] == "too-old"
    assert found(lane, known, aged=False)["others"] == msgspec.structs.replace(PROOF, at=known.proof.at)


def test_a_proof_of_something_else_ticks_nothing(lane):
    moved = msgspec.structs.replace(lane, custody=msgspec.structs.replace(lane.custody, fields=("OTHER",)))
    assert found(moved, facts(moved, proven=proof(lane)))["others"] == "other-declaration"


def test_of_a_closed_lane_every_box_is_empty(lane):
    closed = record("lane.closed", {"reason": "not needed"})
    ticked = found(lane, facts(lane, proven=proof(lane), closed=closed, access="open"))
    assert {by for name, by in ticked.items() if name not in {"need", "smoke", "rotated"}} == {"closed"}


@pytest.mark.parametrize(
    ("event", "by"),
    [
        ("rotate.done", Tick(by="rotation", at=NOW.isoformat(), record=7)),
        ("rotate.unproven", "rotation-unproven"),
        ("rotate.waiting", "rotating"),
        ("rotate.rolled-back", "not-rotated"),
        ("", "not-rotated"),
    ],
)
def test_only_a_rotation_that_ended_ticks_its_box(lane, event, by):
    known = facts(lane, rotation=record(event, {}) if event else None)
    assert found(lane, known)["rotated"] == by


def test_only_a_proof_meets_the_gate(lane):
    by_proof = gate(boxes(lane, facts(lane, proven=proof(lane))))
    assert [(each.id, each.subject, each.tick) for each in by_proof] == [
        ("custody", "", PROOF),
        ("access", "", PROOF),
        ("delivery", "c1", PROOF),
    ]
    looked = gate(boxes(lane, facts(lane, secrets={"c1": THERE}, access="open")))
    assert [each.tick for each in looked] == [None] * 3
