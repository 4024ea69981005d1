"""A lane's state is of one place; what is not known of a place closes, and never proves."""

import itertools

import msgspec
import pytest

from warden.core.journal.place import NOWHERE, Place, place_of
from warden.core.journal.record import LaneState, Record
from warden.core.journal.state import lane_state, lane_states

HERE = Place(platform="team-a", openbao="1111", namespace="")
ELSEWHERE = {
    "another platform": msgspec.structs.replace(HERE, platform="team-b"),
    "another OpenBao": msgspec.structs.replace(HERE, openbao="2222"),
    "another namespace": msgspec.structs.replace(HERE, namespace="team"),
}
PARTLY = {
    "no OpenBao": msgspec.structs.replace(HERE, openbao=None),
    "no namespace": msgspec.structs.replace(HERE, namespace=None),
    "no platform": msgspec.structs.replace(HERE, platform=None),
    "nothing": NOWHERE,
}


def records(*events, lane="x"):
    """Each event is its kind and its place; ``None`` is a record without one, as earlier versions wrote it."""
    return [
        Record(
            seq=number,
            at="2026-11-20T12:00:00Z",
            event=event,
            lane=lane,
            actor="a",
            body={**({"place": msgspec.to_builtins(place)} if place else {}), **dict(*more)},
            hash="",
        )
        for number, (event, place, *more) in enumerate(events, start=1)
    ]


def state(*events, here=HERE, address=""):
    return lane_state(records(*events), here, address)


def closed_by(*events, here=HERE, address=""):
    found = state(*events, here=here, address=address).closed
    return found.seq if found else None


@pytest.mark.parametrize("other", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_happened_elsewhere_says_nothing_of_here(other):
    assert state(("lane.closed", other), ("proof", other)) == LaneState()
    assert closed_by(("lane.closed", HERE), ("lane.opened", other)) == 1
    found = state(("proof", HERE), ("proof", other), ("lane.closed", other))
    assert (found.proof.seq, found.overtaken) == (1, False)


@pytest.mark.parametrize("unknown", PARTLY.values(), ids=PARTLY)
def test_a_closing_of_a_place_that_is_not_known_holds_wherever_it_may_be_until_opened_there(unknown):
    for place in (HERE, *ELSEWHERE.values()):
        assert closed_by(("lane.closed", unknown), here=place) == (1 if unknown.may_be(place) else None)
    assert closed_by(("lane.closed", unknown), ("lane.opened", HERE)) is None
    assert closed_by(("lane.closed", NOWHERE), ("lane.opened", HERE), here=ELSEWHERE["another OpenBao"]) == 1


@pytest.mark.parametrize("unknown", PARTLY.values(), ids=PARTLY)
def test_a_proof_of_a_place_that_is_not_known_never_counts(unknown):
    found = state(("proof", unknown))
    assert found.proof is None or found.overtaken


def test_records_of_earlier_versions_add_up_as_they_did_and_a_proof_of_theirs_is_only_shown():
    assert closed_by(("lane.closed", None)) == 1
    assert closed_by(("lane.closed", None), ("lane.opened", None)) is None
    assert closed_by(("lane.closed", None), ("lane.opened", None), ("lane.closed", None)) == 3
    assert closed_by(("lane.closed", HERE), ("lane.opened", None)) == 1
    assert closed_by(("lane.closed", HERE), ("lane.closed", None), ("lane.opened", None)) == 1
    found = state(("proof", None), ("proof", None))
    assert (found.proof.seq, found.overtaken) == (2, True)
    newer = state(("proof", HERE), ("proof", None))
    assert (newer.proof.seq, newer.overtaken) == (1, False)


def test_a_proof_is_overtaken_by_a_closing_and_by_an_opening_here():
    assert state(("proof", HERE), ("lane.closed", HERE)).overtaken
    assert state(("proof", HERE), ("lane.closed", HERE), ("lane.opened", HERE)).overtaken
    assert not state(("lane.closed", HERE), ("lane.opened", HERE), ("proof", HERE)).overtaken


OFFLINE = msgspec.structs.replace(HERE, openbao=None)


def test_without_an_answer_of_the_server_each_place_that_fits_counts_and_the_safe_answer_wins():
    other = ELSEWHERE["another OpenBao"]
    assert closed_by(("lane.closed", HERE), here=OFFLINE) == 1
    assert closed_by(("lane.closed", HERE), ("lane.opened", HERE), here=OFFLINE) is None
    assert closed_by(("lane.closed", None), ("lane.opened", HERE), here=OFFLINE) is None
    assert closed_by(("lane.opened", HERE), ("lane.closed", other), here=OFFLINE) == 2
    assert closed_by(("lane.closed", ELSEWHERE["another namespace"]), here=OFFLINE) is None
    one = state(("proof", HERE), here=OFFLINE)
    two = state(("proof", HERE), ("proof", other), here=OFFLINE)
    assert (one.overtaken, two.proof.seq, two.overtaken) == (False, 2, True)


def test_the_address_tells_places_apart_where_the_server_was_not_asked():
    other = ELSEWHERE["another OpenBao"]
    known = [("proof", HERE, {"system": "https://a"}), ("lane.closed", other, {"system": "https://b"})]
    assert closed_by(*known, here=OFFLINE, address="https://b") == 2
    assert closed_by(*known, here=OFFLINE, address="https://a") is None
    assert closed_by(*known, here=OFFLINE, address="https://new") == 2
    assert closed_by(*known, here=other, address="https://a") == 2


def test_the_newest_record_of_each_kind_and_place_is_enough():
    """What a journal reads; checked on every history of four events at three places."""
    places = (HERE, ELSEWHERE["another OpenBao"], None)
    kinds = [(event, place) for event in ("lane.closed", "lane.opened") for place in places] + [("proof", HERE)]
    for history in itertools.product(kinds, repeat=4):
        every = records(*history)
        newest = {(each.event, str(each.body)): each for each in every}
        kept = sorted(newest.values(), key=lambda each: each.seq)
        for here in (HERE, OFFLINE):
            whole = lane_state(every, here)
            assert lane_state(kept, here) == whole or (whole.closed and lane_state(kept, here).closed), history


def test_states_are_of_each_lane_and_of_no_lane_without_any():
    found = lane_states(
        [*records(("lane.closed", HERE)), *records(("proof", ELSEWHERE["another OpenBao"]), lane="y")], HERE
    )
    assert [*found] == ["x"]


@pytest.mark.parametrize("odd", [7, "x", [], {"platform": 7}, {"openbao": {}}, None])
def test_a_place_that_cannot_be_read_is_any(odd):
    assert place_of({"place": odd}) == NOWHERE
