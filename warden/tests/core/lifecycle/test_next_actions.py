"""Everything that is left: each thing once, with its owner and what does it, the most urgent first."""

import datetime as dt

import msgspec
import pytest

from warden.core.errors import Fault
from warden.core.journal.operations import Unfinished
from warden.core.journal.record import LaneState, Record
from warden.core.lanes.catalog import LeftOut, Pointer
from warden.core.lanes.lane import Delivery, Owner, Rotation
from warden.core.lifecycle.lane_status import LaneObservation, SecretPresence, lane_status
from warden.core.lifecycle.next_actions import (
    URGENCY,
    LaneFacts,
    OpenRequest,
    in_order,
    of_files,
    of_lane,
    of_requests,
    of_reviews,
    owners,
    unknown_owner,
)
from warden.core.openbao.api import KvMetadata
from warden.core.remedies import RunBao, warden
from warden.core.routes.freshness import FRESH, last_proof
from warden.core.routes.proof_summary import Advice, DeliverySummary, NotOk, ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
OURS = KvMetadata(current=3, live=True, written=NOW - dt.timedelta(days=10), custom={"catalog-id": "first"})
THERE = SecretPresence(exists=True, resource_version="7")
APPLY, PROVE = warden("apply", "first"), warden("prove", "first")


def record(event, body=None, seq=7, age=dt.timedelta()):
    return Record(seq=seq, at=(NOW - age).isoformat(), event=event, lane="first", actor="a", body=body or {}, hash="")


def proof(lane, **summary):
    usual = {"state": "proven", "declared": declaration(declared_route(lane))}
    return record("proof", as_record(ProofSummary(**usual | summary)))


def left(lane, *, proven=None, closed=None, rotation=None, **observed):
    state = LaneState(proof=proven if proven is not None else proof(lane), closed=closed, overtaken=closed is not None)
    seen = LaneObservation(**{"reachable": True, "metadata": OURS} | observed)
    return of_lane(
        LaneFacts(
            lane=lane,
            status=lane_status(lane, state, seen, NOW, FRESH),
            file="platform/catalog/first.yaml",
            proof=last_proof(state, declaration(declared_route(lane)), NOW, FRESH),
            changed_since=seen.changed_since,
            rotation=rotation,
        )
    )


def kinds(found):
    return [each.kind for each in found]


def test_of_a_sound_lane_nothing_is_left(lane_of):
    assert left(lane_of()) == ()


def test_each_wrong_verdict_has_its_owner_and_its_remedy(lane_of):
    lane = lane_of()
    unseal = RunBao(action="unseal")
    wrong = (
        NotOk(probe="role", result="wrong", remedy=(APPLY,)),
        NotOk(probe="other-audience", reader="tenant/first", result="wrong", remedy=(APPLY,)),
        NotOk(probe="other-namespace", reader="tenant/first", result="wrong", remedy=(APPLY,)),
        NotOk(probe="consumer", cluster="c1", result="wrong", stretch="runtime", remedy=(unseal,)),
        NotOk(probe="exposure", cluster="c1", result="wrong", stretch="consumer"),
        NotOk(probe="copies", cluster="c1", result="inconclusive"),
    )
    advice = Advice(stretch="custody", remedy=(APPLY,))
    found = left(lane, proven=proof(lane, state="refuted", not_ok=wrong, next=advice))
    assert [(each.kind, each.owner, each.remedy, each.more) for each in found] == [
        ("wrong", "platform-team", (APPLY,), 2),
        ("wrong", "run-team", (unseal,), 0),
        ("wrong", "app-team", (PROVE,), 0),
    ]
    assert {each.record for each in found} == {7}
    assert found[0].verdict == wrong[1]


def test_after_a_change_a_new_proof_is_left_and_no_old_verdict(lane_of):
    lane = lane_of()
    wrong = (NotOk(probe="other-audience", result="wrong", remedy=(APPLY,)),)
    found = left(lane, proven=proof(lane, state="refuted", not_ok=wrong), changed_since=True)
    assert [(each.kind, each.remedy) for each in found] == [("not-proven", (PROVE,))]


def test_what_does_not_wait_for_another_step_is_left_beside_it(lane_of):
    lane = lane_of(
        rotation=Rotation(every=86400, source="prompt"), deliveries={"c2": Delivery(bootstrap_secret="tenant/x")}
    )
    found = left(lane, proven=record("none"), secrets={"c2": THERE})
    assert kinds(found) == ["rotation-due", "not-proven", "made-by-hand"]
    assert found[2].remedy == (warden("adopt", "first", cluster="c2"),)


def test_what_is_due_of_a_closed_lane_waits(lane_of):
    lane = lane_of(rotation=Rotation(every=86400, source="prompt"))
    marked = msgspec.structs.replace(OURS, custom=OURS.custom | {"closed": "2026-11-20T12:00:00Z a"})
    assert kinds(left(lane, closed=record("lane.closed", {"reason": "x"}), metadata=marked)) == ["closed"]


def test_that_openbao_was_not_asked_is_not_left_of_each_lane(lane_of):
    lane = lane_of()
    assert left(lane, reachable=False, metadata=None) == ()
    wrong = (NotOk(probe="other-audience", result="wrong", remedy=(APPLY,)),)
    refuted = proof(lane, state="refuted", not_ok=wrong)
    assert kinds(left(lane, proven=refuted, reachable=False, metadata=None)) == ["wrong"]


def test_a_killed_operation_is_left_once(lane_of):
    unfinished = (
        Unfinished(record("apply.begin", seq=9), running=False),
        Unfinished(record("put.begin"), running=True),
    )
    (killed,) = left(lane_of(), unfinished=unfinished)
    assert (killed.kind, killed.subject, killed.record, killed.remedy) == ("killed", "apply", 9, (APPLY,))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("rotate.unproven", ["rotation-unproven"]),
        ("rotate.waiting", ["rotating"]),
        ("rotate.done", []),
        ("rotate.begin", []),
    ],
)
def test_a_rotation_that_stopped_before_its_end_is_left(lane_of, event, kind):
    found = left(lane_of(), rotation=record(event, seq=12))
    assert kinds(found) == kind
    assert [each.remedy for each in found] == [(warden("rotate", "first", resume=True),)] * len(kind)


def test_a_template_has_its_file_to_edit(lane_of):
    custody = msgspec.structs.replace(lane_of().custody, path="platform/workloads/<tenant>/x/y")
    (found,) = left(lane_of(custody=custody), metadata=None, reachable=False)
    assert (found.kind, found.file, found.remedy) == (
        "placeholder",
        "platform/catalog/first.yaml",
        (warden("catalog check"),),
    )


def test_a_delivery_that_moved_on_is_left(lane_of):
    lane = lane_of(deliveries={"c1": Delivery(external_secret="tenant/first-secrets")})
    proven = proof(lane, deliveries={"c1": DeliverySummary(state="proven", version=3, secret="6")})
    assert kinds(left(lane, proven=proven, secrets={"c1": THERE})) == ["moved-on"]


def test_change_requests_reviews_and_files_with_errors(lane_of):
    lane = lane_of()
    asked = OpenRequest(id="CCR-2026-0004", lane="first", remedy=(warden("change approve", "x"),), waiting=("ada",))
    mine = OpenRequest(id="CCR-2026-0005", lane="first", remedy=(warden("change propose", "x"),))
    other = OpenRequest(id="CCR-2026-0006", lane="gone", remedy=())
    found = list(of_requests([asked, mine, other], {"first": lane}))
    assert [(each.kind, each.subject, each.owner) for each in found] == [
        ("decide", "CCR-2026-0004", "platform-team"),
        ("request", "CCR-2026-0005", "platform-team"),
    ]
    pointer = Pointer(
        id="elsewhere", title="t", status="active", reviewed=dt.date(2026, 1, 1), owner=Owner(repo="others", doc="d"),
        subsystem="s", auth_method="a", next="n",
    )  # fmt: skip
    (review,) = of_reviews({"first": lane, "elsewhere": pointer}, {"elsewhere": "e.yaml"}, dt.date(2026, 11, 20))
    assert (review.kind, review.owner, review.lane, review.days, review.file) == (
        "review",
        "others",
        "elsewhere",
        323,
        "e.yaml",
    )
    broken = LeftOut(id="first", file="first.yaml", faults=(Fault("first.yaml", 1, "", "x"),))
    (wrong,) = of_files([broken], {"first": lane})
    assert (wrong.kind, wrong.owner, wrong.file) == ("file-errors", "platform-team", "first.yaml")


def test_the_most_urgent_comes_first_and_of_equal_ones_the_oldest(lane_of):
    (review,) = of_reviews({"first": lane_of()}, {}, dt.date(2027, 11, 20))
    (killed,) = left(lane_of(), unfinished=(Unfinished(record("apply.begin"), running=False),))
    older = msgspec.structs.replace(killed, since="2026-01-01T00:00:00+00:00", subject="put")
    assert in_order([review, killed, older]) == (older, killed, review)
    assert URGENCY["wrong"] < URGENCY["killed"] < URGENCY["decide"] < URGENCY["review"]


def test_owners_are_those_of_every_part(lane_of):
    known = owners([lane_of()])
    assert known == {"platform-team", "app-team", "run-team"}
    assert unknown_owner("platfrom-team", known).nearest[0] == "platform-team"
    assert unknown_owner("zzz", known).nearest == ()
