"""A lane's standing: nothing is claimed that was not seen, and the first thing in the way is the next step."""

import datetime as dt

import msgspec
import pytest

from warden.core.journal.record import LaneState, Record
from warden.core.lanes.lane import Custody, Delivery, Rotation
from warden.core.lanes.route import of_late
from warden.core.lifecycle.lane_status import Glance, delivered, delivery_word, proof_state, standing
from warden.core.openbao.api import KvMetadata

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
OURS = KvMetadata(current=3, live=True, written=NOW - dt.timedelta(days=10), custom={"catalog-id": "first"})


def record(age=dt.timedelta(), **body):
    at = (NOW - age).isoformat()
    return Record(seq=1, at=at, event="proof", lane="first", actor="a", body=body, hash="")


PROVEN = LaneState(proof=record(state="proven"))


def look(lane, metadata=OURS, state=PROVEN, *, seen=True):
    return standing(lane, metadata, state, NOW, seen=seen)


def test_a_sound_lane_has_nothing_to_do(lane_of):
    found = look(lane_of())
    assert (found.custody, found.access, found.proof) == ("v3", "open", "proven")
    assert (found.next_owner, found.next_action) == ("", "")
    assert dt.datetime.fromisoformat(found.written_at) == OURS.written


@pytest.mark.parametrize(
    ("age", "state", "word"),
    [
        (dt.timedelta(hours=23, minutes=59), "proven", "proven"),
        (dt.timedelta(hours=24, seconds=1), "proven", "stale"),
        (dt.timedelta(days=9), "refuted", "refuted"),
        (dt.timedelta(0), "inconclusive", "inconclusive"),
    ],
)
def test_a_proof_holds_for_a_day(age, state, word):
    held = LaneState(proof=record(age, state=state))
    assert proof_state(held, counted=of_late(held.proof, NOW)) == word


def test_no_proof_is_never_and_one_without_a_word_is_inconclusive():
    assert proof_state(LaneState(), counted=False) == "never"
    assert proof_state(LaneState(proof=record()), counted=True) == "inconclusive"


def without(**changed):
    return msgspec.structs.replace(OURS, **changed)


NEXT = {
    "never applied": ({"metadata": None}, "warden apply first"),
    "claimed by nobody": ({"metadata": without(custom={})}, "warden apply first"),
    "claimed by another": ({"metadata": without(custom={"catalog-id": "second"})}, "warden apply first"),
    "no value": ({"metadata": without(current=0, live=False, written=None)}, "warden put first API_KEY"),
    "a deleted value": ({"metadata": without(live=False)}, "warden put first API_KEY"),
    "never proven": ({"state": LaneState()}, "warden prove first"),
    "stale": ({"state": LaneState(proof=record(dt.timedelta(days=2), state="proven"))}, "warden prove first"),
    "refuted": ({"state": LaneState(proof=record(state="refuted"))}, "warden prove first"),
    "not seen": ({"metadata": None, "seen": False}, "warden doctor"),
    "closed": ({"state": LaneState(closed=record(), proof=record(state="proven"))}, "warden reactivate first"),
    "closed and not seen": ({"state": LaneState(closed=record()), "seen": False}, "warden reactivate first"),
}


@pytest.mark.parametrize("case", NEXT)
def test_the_first_thing_in_the_way_is_the_next_step(lane_of, case):
    how, action = NEXT[case]
    found = look(lane_of(), **how)
    assert (found.next_owner, found.next_action) == ("platform-team", action)


def test_a_placeholder_comes_before_all_else(lane_of):
    lane = lane_of(custody=Custody(path="platform/<tenant>/x/y", fields=("K",)))
    assert "concrete path" in look(lane, None, LaneState(closed=record()), seen=False).next_action


@pytest.mark.parametrize(("days", "due"), [(9, True), (10, False), (11, False)])
def test_a_value_older_than_its_rotation_is_due(lane_of, days, due):
    lane = lane_of(rotation=Rotation(every=days * 86400, source="provider"))
    assert look(lane).next_action == ("rotate: warden put first API_KEY" if due else "")


def test_what_was_not_seen_is_not_claimed(lane_of):
    found = look(lane_of(), None, seen=False)
    assert (found.custody, found.written_at) == ("?", "")
    gone = look(lane_of(), without(live=False))
    assert (gone.custody, gone.written_at) == ("no value", "")
    assert look(lane_of(), None).custody == "no value"


def test_closed_and_by_hand_are_shown_as_such(lane_of):
    deliveries = {"old": Delivery(bootstrap_secret="a/b"), "new": Delivery(external_secret="a/b")}
    found = look(lane_of(deliveries=deliveries), state=LaneState(closed=record()))
    assert found.access == "closed"
    assert found.deliveries == {"old": "not here", "new": "not here"}


THERE = Glance(there=True, secret="7")
SAID = {"state": "proven", "secret": "7", "version": 3}
SEEN = {
    "not looked at": (None, SAID, "not here"),
    "unseen": (Glance(unseen="no answer"), SAID, "?"),
    "missing": (Glance(), SAID, "MISSING"),
    "unproven": (THERE, {}, "unproven"),
    "refuted": (THERE, {"state": "refuted"}, "refuted"),
    "inconclusive": (THERE, {"state": "inconclusive"}, "inconclusive"),
    "changed": (Glance(there=True, secret="8"), SAID, "changed since"),
    "behind": (THERE, SAID | {"version": 2}, "v2, not v3"),
    "proven": (THERE, SAID, "v3 proven"),
}


@pytest.mark.parametrize("state", SEEN)
def test_how_a_delivery_stands_and_its_word(state):
    glance, said, word = SEEN[state]
    found = delivered(Delivery(external_secret="a/b"), said, glance, OURS)
    assert (found.state, delivery_word(found)) == (state, word)


@pytest.mark.parametrize("word", ["", "another word, not v7"])
@pytest.mark.parametrize(
    ("state", "action"), [("changed", "warden prove first"), ("behind", "warden prove first"), ("proven", "")]
)
def test_what_is_next_is_told_by_the_state_of_a_delivery_and_not_by_its_word(lane_of, monkeypatch, state, action, word):
    monkeypatch.setattr("warden.core.lifecycle.lane_status.delivery_word", lambda _: word)
    glance, said, _ = SEEN[state]
    lane = lane_of(deliveries={"here": Delivery(external_secret="a/b")})
    proven = LaneState(proof=record(state="proven", deliveries={"here": said}))
    found = standing(lane, OURS, proven, NOW, seen=True, glances={"here": glance})
    assert (found.deliveries, found.next_action) == ({"here": word}, action)


def test_a_secret_made_by_hand_that_was_looked_at_is_to_be_adopted(lane_of):
    lane = lane_of(deliveries={"old": Delivery(bootstrap_secret="a/b")})
    found = standing(lane, OURS, PROVEN, NOW, seen=True, glances={"old": THERE})
    assert (found.deliveries, found.next_action) == ({"old": "by hand"}, "warden adopt first --cluster old")


def test_what_a_refuted_proof_found_first_is_next_and_whose_turn_it_is(lane_of):
    said = {"stretch": "consumer", "mend": "kubectl apply -k overlay"}
    wrong = LaneState(proof=record(state="refuted", next=said))
    found = look(lane_of(), state=wrong)
    assert (found.next_owner, found.next_action) == ("app-team", "kubectl apply -k overlay")
    assert look(lane_of(), without(custom={}), wrong).next_action == "warden apply first"
    assert look(lane_of(), state=LaneState(proof=record(state="refuted"))).next_action == "warden prove first"
    assert look(lane_of(), state=LaneState(proof=record(state="proven", next=said))).next_action == ""


ELSEWHERE = {
    "of another declaration": ({"declared": {"path": "another"}}, {}, False),
    "of another OpenBao": ({"system": "https://b"}, {}, False),
    "of before it was closed": ({}, {"overtaken": True}, False),
    "of this": ({"system": "https://a"}, {}, True),
    "of nobody knows which": ({}, {}, True),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_proof_of_something_else_says_nothing_of_a_delivery_and_advises_nothing(lane_of, case):
    body, more, counts = ELSEWHERE[case]
    lane = lane_of(deliveries={"here": Delivery(external_secret="a/b")})

    def found(word):
        said = {"deliveries": {"here": SAID}, "next": {"stretch": "consumer", "mend": "kubectl apply"}}
        state = LaneState(proof=record(state=word, **said, **body), **more)
        return standing(lane, OURS, state, NOW, seen=True, glances={"here": THERE}, system="https://a")

    proven, refuted = found("proven"), found("refuted")
    assert (proven.proof, proven.deliveries["here"]) == (("proven", "v3 proven") if counts else ("stale", "unproven"))
    assert (refuted.proof, refuted.next_action) == ("refuted", "kubectl apply" if counts else "warden prove first")
