"""How a lane stands: nothing is claimed that was not observed, and the first thing to do is the next step."""

import datetime as dt

import msgspec
import pytest

from warden.core.journal.record import LaneState, Record
from warden.core.lanes.lane import Custody, Delivery, PeopleReader, Rotation
from warden.core.lifecycle.lane_status import (
    DeliveryStatus,
    LaneObservation,
    NextStep,
    SecretPresence,
    delivery_status,
    lane_status,
)
from warden.core.lifecycle.leaks import names_leak
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.closed_mark import mark_of
from warden.core.remedies import LogInAs, RunKubectl, warden
from warden.core.rotation.mark import ROTATION, RotationMark
from warden.core.routes.freshness import FRESH
from warden.core.routes.proof_summary import Advice, DeliverySummary, NotOk, ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
OURS = KvMetadata(current=3, live=True, written=NOW - dt.timedelta(days=10), custom={"catalog-id": "first"})


def record(event, body, age=dt.timedelta()):
    return Record(seq=1, at=(NOW - age).isoformat(), event=event, lane="first", actor="a", body=body, hash="")


def proof(lane, state="proven", age=dt.timedelta(), **summary):
    declared = declaration(declared_route(lane))
    return record("proof", as_record(ProofSummary(**{"state": state, "declared": declared} | summary)), age)


CLOSED = record("lane.closed", {"reason": "not needed any more"})
LEAKED = record("lane.closed", {"reason": "seen in a log"})


def status_of(lane, state=None, metadata=OURS, **observed):
    known = LaneState(proof=proof(lane)) if state is None else state
    return lane_status(lane, known, LaneObservation(**{"reachable": True, "metadata": metadata} | observed), NOW, FRESH)


def test_a_sound_lane_has_nothing_to_do(lane_of):
    found = status_of(lane_of())
    assert (found.version, found.closed, found.proof) == (3, False, "proven")
    assert (found.next, found.written, found.proven_at) == (None, OURS.written, NOW.isoformat())


@pytest.mark.parametrize(
    ("age", "state", "standing"),
    [
        (dt.timedelta(hours=23, minutes=59), "proven", "proven"),
        (dt.timedelta(hours=24, seconds=1), "proven", "stale"),
        (dt.timedelta(days=9), "refuted", "refuted"),
        (dt.timedelta(0), "inconclusive", "inconclusive"),
    ],
)
def test_a_proof_holds_for_a_day(lane_of, age, state, standing):
    assert status_of(lane_of(), LaneState(proof=proof(lane_of(), state, age))).proof == standing


def test_without_a_proof_a_lane_is_unproven_and_a_record_without_a_state_is_inconclusive(lane_of):
    assert status_of(lane_of(), LaneState()).proof == "unproven"
    assert status_of(lane_of(), LaneState(proof=record("proof", {}))).proof == "inconclusive"


def without(**changed):
    return msgspec.structs.replace(OURS, **changed)


DUE = warden("rotate", "first", due=True)
APPLY, PUT, PROVE = warden("apply", "first"), warden("put", "first", "API_KEY"), warden("prove", "first")
MARKED = without(custom=OURS.custom | {"closed": "2026-11-20T12:00:00Z a"})
NEXT = {
    "never applied": ({"metadata": None}, "not-applied", APPLY),
    "claimed by nobody": ({"metadata": without(custom={})}, "not-applied", APPLY),
    "claimed by another": ({"metadata": without(custom={"catalog-id": "second"})}, "not-applied", APPLY),
    "no value": ({"metadata": without(current=0, live=False, written=None)}, "no-value", PUT),
    "a deleted value": ({"metadata": without(live=False)}, "no-value", PUT),
    "never proven": ({"state": LaneState()}, "not-proven", PROVE),
    "not observed": ({"metadata": None, "reachable": False}, "openbao-unreachable", warden("doctor")),
    "closed": (
        {"state": LaneState(closed=CLOSED), "metadata": MARKED},
        "closed",
        warden("reactivate", "first", reason="TEXT"),
    ),
    "closed by another machine": (
        {"state": LaneState(), "metadata": MARKED},
        "closed",
        warden("reactivate", "first", reason="TEXT"),
    ),
    "closed here and reopened by another machine": (
        {"state": LaneState(closed=CLOSED), "metadata": without(custom=OURS.custom | {"reopened": mark_of(CLOSED)})},
        "closed",
        warden("reactivate", "first", reason="TEXT"),
    ),
    "closed here again after another machine reopened it": (
        {"state": LaneState(closed=CLOSED), "metadata": without(custom=OURS.custom | {"reopened": "earlier"})},
        "closed-in-journal-only",
        warden("deactivate", "first", reason="not needed any more"),
    ),
    "closed and not marked": (
        {"state": LaneState(closed=CLOSED)},
        "closed-in-journal-only",
        warden("deactivate", "first", reason="not needed any more"),
    ),
    "closed and not observed": (
        {"state": LaneState(closed=CLOSED), "reachable": False},
        "closed",
        warden("reactivate", "first", reason="TEXT"),
    ),
    "closed in the journal alone": (
        {"state": LaneState(closed=CLOSED), "policy_remains": True},
        "closed-in-journal-only",
        warden("deactivate", "first", reason="not needed any more"),
    ),
}


@pytest.mark.parametrize("case", NEXT)
def test_the_first_thing_to_do_is_the_next_step(lane_of, case):
    how, reason, step = NEXT[case]
    assert status_of(lane_of(), **how).next == NextStep(owner="platform-team", reason=reason, remedy=(step,))


@pytest.mark.parametrize(("state", "age"), [("proven", dt.timedelta(days=2)), ("refuted", dt.timedelta())])
def test_what_is_not_proven_now_is_to_be_proven(lane_of, state, age):
    found = status_of(lane_of(), LaneState(proof=proof(lane_of(), state, age)))
    assert (found.next.reason, found.next.remedy) == ("not-proven", (PROVE,))


REOPEN = warden("reactivate", "first", reason="TEXT")


def test_after_a_leak_a_new_value_comes_first(lane_of):
    found = status_of(lane_of(), LaneState(closed=LEAKED), MARKED)
    assert (found.next.reason, found.next.remedy) == ("closed-for-leak", (PUT, REOPEN))
    found = status_of(lane_of(), LaneState(closed=LEAKED), MARKED, put_since_closing=True)
    assert (found.next.reason, found.next.remedy) == ("closed", (REOPEN,))


def test_what_was_said_of_a_closing_goes_before_its_words(lane_of):
    said = record("lane.closed", {"reason": "seen in a log", "leaked": False})
    assert status_of(lane_of(), LaneState(closed=said), MARKED).next.reason == "closed"
    said = record("lane.closed", {"reason": "INC-7", "leaked": True})
    assert status_of(lane_of(), LaneState(closed=said), MARKED).next.reason == "closed-for-leak"


@pytest.mark.parametrize(
    ("reason", "leak"),
    [
        ("key leaked in a CI log", True),
        ("it is in the Git history: pushed by accident", True),
        ("Possibly compromised laptop", True),
        ("found in a screenshot", True),
        ("not needed any more", False),
        ("the service moves to another cluster", False),
        ("", False),
    ],
)
def test_a_reason_says_whether_others_may_have_the_value(reason, leak):
    assert names_leak(reason) is leak


@pytest.mark.parametrize("access", ["partly", "nobody"])
def test_where_readers_cannot_read_the_lane_is_to_be_applied(lane_of, access):
    found = status_of(lane_of(), access=access)
    assert (found.access, found.next.reason, found.next.remedy) == (access, "access-missing", (APPLY,))
    assert status_of(lane_of(), LaneState(closed=CLOSED), access=access).access == "closed"


def test_what_only_a_member_can_show_is_next_for_a_member_until_one_has_shown_it(lane_of):
    lane = lane_of(readers=(PeopleReader(people="devs", login="corp"),))
    only = (NotOk(probe="member", reader="people devs of corp"),)
    state = LaneState(proof=proof(lane, "inconclusive", not_ok=only))
    found = status_of(lane, state)
    login = LogInAs("devs", "corp", "first-workload-kv-read")
    assert (found.needs_member, found.next.reason, found.next.remedy) == (True, "needs-member", (login, PROVE))
    assert status_of(lane, state, member_shown=True).next.remedy == (PROVE,)
    more = (*only, NotOk(probe="reads", reader="x/y"))
    assert not status_of(lane, LaneState(proof=proof(lane, "inconclusive", not_ok=more))).needs_member


def test_a_placeholder_comes_before_all_else(lane_of):
    lane = lane_of(custody=Custody(path="platform/<tenant>/x/y", fields=("K",)))
    assert status_of(lane, LaneState(closed=CLOSED), None, reachable=False).next.reason == "placeholder"


def test_a_rotation_under_way_comes_before_a_proof_and_whoever_began_it(lane_of):
    mark = RotationMark(rotation="3f9a", field="API_KEY", before=3, run="x", by="bob on elsewhere", since="2026")
    found = status_of(lane_of(), LaneState(), without(custom=OURS.custom | {ROTATION: mark.text})).next
    assert (found.reason, found.remedy) == ("rotating", (warden("rotate", "first", resume=True),))
    other = msgspec.structs.replace(mark, field="NOT_A_FIELD_ANY_MORE")
    assert status_of(lane_of(), metadata=without(custom=OURS.custom | {ROTATION: other.text})).next is None


@pytest.mark.parametrize(("days", "due"), [(9, True), (10, False), (11, False)])
def test_a_value_older_than_its_rotation_is_due(lane_of, days, due):
    lane = lane_of(rotation=Rotation(every=days * 86400, source="provider"))
    expected = NextStep(owner="platform-team", reason="rotation-due", remedy=(DUE,)) if due else None
    assert status_of(lane).next == expected


@pytest.mark.parametrize(
    ("custom", "due"),
    [
        ({}, True),  # nobody knows since when it is there: since the path is
        ({"rotated-B": "3f9a1c2b 4 {11}"}, True),
        ({"rotated-B": "3f9a1c2b 4 {9}"}, False),
        ({"rotated-A": "3f9a1c2b 4 {9}"}, True),
        ({"rotated-B": "not one"}, True),
    ],
)
def test_a_sibling_that_was_put_or_rotated_makes_no_value_younger(lane_of, custom, due):
    ago = {f"{{{days}}}": f"{NOW - dt.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (9, 11)}
    custom = {key: " ".join(ago.get(word, word) for word in text.split()) for key, text in custom.items()}
    lane = lane_of(
        custody=msgspec.structs.replace(lane_of().custody, fields=("A", "B")),
        rotation=(Rotation(every=10 * 86400, source="provider", field="B"),),
    )
    metadata = without(
        custom=OURS.custom | custom, written=NOW - dt.timedelta(days=1), created=NOW - dt.timedelta(days=300)
    )
    found = status_of(lane, metadata=metadata).next
    assert (found is not None and found.reason == "rotation-due") is due


def test_what_was_not_observed_is_not_claimed(lane_of):
    found = status_of(lane_of(), metadata=None, reachable=False)
    assert (found.version, found.written) == (None, None)
    gone = status_of(lane_of(), metadata=without(live=False))
    assert (gone.version, gone.written) == (0, None)
    assert status_of(lane_of(), metadata=None).version == 0


def test_a_closed_lane_is_closed_and_its_deliveries_were_not_looked_at(lane_of):
    deliveries = {"old": Delivery(bootstrap_secret="a/b"), "new": Delivery(external_secret="a/b")}
    found = status_of(lane_of(deliveries=deliveries), LaneState(closed=CLOSED))
    assert found.closed
    assert status_of(lane_of(deliveries=deliveries), LaneState(), MARKED).closed
    assert {each.state for each in found.deliveries.values()} == {"not-looked-at"}


# -- deliveries -------------------------------------------------------------------------------------------------------

THERE = SecretPresence(exists=True, resource_version="7")
PROVEN = DeliverySummary(state="proven", secret="7", version=3)
STATES = {
    "not-looked-at": (None, PROVEN),
    "unseen": (SecretPresence(reachable=False), PROVEN),
    "missing": (SecretPresence(), PROVEN),
    "deleting": (SecretPresence(exists=True, resource_version="7", deleting=True), PROVEN),
    "unproven": (THERE, None),
    "refuted": (THERE, DeliverySummary(state="refuted")),
    "inconclusive": (THERE, DeliverySummary(state="inconclusive")),
    "changed": (SecretPresence(exists=True, resource_version="8"), PROVEN),
    "behind": (THERE, DeliverySummary(state="proven", secret="7", version=2)),
    "proven": (THERE, PROVEN),
}


@pytest.mark.parametrize("state", STATES)
def test_how_a_delivery_stands(state):
    secret, proven = STATES[state]
    assert delivery_status(Delivery(external_secret="a/b"), proven, secret, OURS).state == state


def test_of_a_proven_delivery_both_versions_are_known():
    behind = DeliverySummary(state="proven", secret="7", version=2)
    found = delivery_status(Delivery(external_secret="a/b"), behind, THERE, OURS)
    assert found == DeliveryStatus(state="behind", version=2, newest=3)


@pytest.mark.parametrize(
    ("state", "reason"), [("changed", "moved-on"), ("behind", "moved-on"), ("deleting", "moved-on"), ("proven", None)]
)
def test_what_is_next_follows_from_the_state_of_a_delivery(lane_of, state, reason):
    secret, proven = STATES[state]
    lane = lane_of(deliveries={"here": Delivery(external_secret="a/b")})
    found = status_of(lane, LaneState(proof=proof(lane, deliveries={"here": proven})), secrets={"here": secret})
    assert found.deliveries["here"].state == state
    assert (found.next.reason if found.next else None) == reason


def test_a_secret_made_by_hand_that_was_looked_at_is_to_be_adopted(lane_of):
    lane = lane_of(deliveries={"old": Delivery(bootstrap_secret="a/b")})
    found = status_of(lane, secrets={"old": THERE})
    adopt = warden("adopt", "first", cluster="old")
    assert found.deliveries == {"old": DeliveryStatus(state="by-hand")}
    assert found.next == NextStep(owner="platform-team", reason="made-by-hand", remedy=(adopt,))


# -- what the last proof advised --------------------------------------------------------------------------------------

RESTART = (RunKubectl(context="c", action="restart", kind="Deployment", namespace="t", name="app"),)
ADVICE = Advice(stretch="consumer", remedy=RESTART)


def test_what_a_refuted_proof_found_first_is_next_and_whose_turn_it_is(lane_of):
    wrong = LaneState(proof=proof(lane_of(), "refuted", next=ADVICE))
    assert status_of(lane_of(), wrong).next == NextStep(owner="app-team", reason="refuted", remedy=RESTART)
    assert status_of(lane_of(), wrong, without(custom={})).next.reason == "not-applied"
    assert status_of(lane_of(), wrong, changed_since=True).next.reason == "not-proven"
    assert status_of(lane_of(), LaneState(proof=proof(lane_of(), "refuted"))).next.reason == "not-proven"
    assert status_of(lane_of(), LaneState(proof=proof(lane_of(), "proven", next=ADVICE))).next is None


ELSEWHERE = {
    "of another declaration": ({"declared": None}, {}, False),
    "of before it was closed": ({}, {"overtaken": True}, False),
    "of this": ({}, {}, True),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_proof_of_something_else_says_nothing_of_a_delivery_and_advises_nothing(lane_of, case):
    summary, more, counts = ELSEWHERE[case]
    lane = lane_of(deliveries={"here": Delivery(external_secret="a/b")})

    def found(state):
        last = proof(lane, state, deliveries={"here": PROVEN}, next=ADVICE, **summary)
        known = LaneState(proof=last, **more)
        return status_of(lane, known, secrets={"here": THERE})

    proven, refuted = found("proven"), found("refuted")
    assert proven.proof == ("proven" if counts else "stale")
    assert proven.deliveries["here"].state == ("proven" if counts else "unproven")
    assert (refuted.proof, refuted.next.reason) == ("refuted", "refuted" if counts else "not-proven")


@pytest.mark.parametrize(("asked", "due"), [(NOW, False), (NOW + dt.timedelta(days=3), True), (None, False)])
def test_a_rotation_is_due_by_the_clock_of_the_server(lane_of, asked, due):
    lane = lane_of(rotation=Rotation(every=11 * 86400, source="provider"))
    assert (status_of(lane, metadata=without(asked=asked)).next is not None) is due
