import datetime as dt
from pathlib import Path

import pytest

from warden.adapters.catalog.files import load_catalog
from warden.core.journal.record import LaneState, Record
from warden.core.lanes.delivery_target import adopted, with_cluster_readers
from warden.core.remedies import access
from warden.core.routes.freshness import FRESH
from warden.core.routes.proof_summary import ProofSummary, as_record
from warden.core.routes.route import Reopen, declaration, declared_route, route

CATALOG = load_catalog(str(Path(__file__).parents[4] / "platform"))
NOW = dt.datetime(2026, 7, 3, 12, tzinfo=dt.UTC)
LANE = CATALOG.lane("openrouter-llm-connect")


def record(event: str, hours: float, **body: object) -> Record:
    at = (NOW - dt.timedelta(hours=hours)).isoformat()
    return Record(seq=7, at=at, event=event, lane=LANE.id, actor="x", body=body, hash="h")


def proven(hours: float, state: str = "proven") -> LaneState:
    summary = ProofSummary(state=state, passed=10, total=10, declared=declaration(declared_route(LANE)))
    return LaneState(proof=record("proof", hours, **as_record(summary)))


def test_without_a_proof_an_active_lane_is_shown_as_unproven():
    found = route(LANE, None, NOW, FRESH)
    assert (found.proof.state, found.proof.at) == ("unproven", None)
    assert route(LANE, LaneState(), NOW, FRESH) == found
    assert found.resolvable
    assert found.next == access("openrouter-llm-connect")


@pytest.mark.parametrize(
    ("hours", "state", "shown"),
    [
        (1, "proven", "proven"),
        (23.9, "proven", "proven"),
        (24.1, "proven", "stale"),
        (48, "refuted", "refuted"),
        (1, "inconclusive", "inconclusive"),
    ],
)
def test_a_proof_counts_for_a_day_and_what_was_refuted_stays_so(hours, state, shown):
    assert route(LANE, proven(hours, state), NOW, FRESH).proof.state == shown


def test_a_closed_lane_is_not_resolvable_whatever_the_catalog_says():
    closed = LaneState(closed=record("lane.closed", 2), proof=proven(1).proof)
    found = route(LANE, closed, NOW, FRESH)
    assert not found.resolvable
    assert found.status == "active"
    assert found.closed == closed.closed.at
    assert found.next == Reopen("railiance-platform", closed.closed.at)


def test_the_roles_of_warden():
    roles = {entry_id: route(entry, None, NOW, FRESH) for entry_id, entry in CATALOG.entries.items()}
    assert [one.id for one in roles.values() if one.warden_executes] == ["ssh-certificate"]
    assert roles["ssh-certificate"].warden_role == "issue"
    assert roles["openrouter-llm-connect"].warden_role == "assist"
    assert roles["host-principals"].warden_role == "route"
    generic = roles["openbao-api-key"]
    assert (generic.exec_capable, generic.resolvable) == (True, False)
    active = {lane.id for lane in CATALOG.lanes.values() if lane.status == "active"}
    assert {one.id for one in roles.values() if one.resolvable} == active


def test_every_reader_is_shown_and_role_is_the_first_ones():
    found = route(CATALOG.lane("issue-core-ingestion-api-key"), None, NOW, FRESH)
    assert found.role == "external-secrets-issue-core"
    assert [reader.subject for reader in found.readers] == ["issue-core/issue-core", "activity-core/activity-core"]
    people = route(CATALOG.lane("whynot-design-npm-publish"), None, NOW, FRESH)
    assert [(r.kind, r.subject, r.mount) for r in people.readers] == [("people", "npm-publishers", "netkingdom")]


def test_a_reader_at_a_clusters_auth_mount_is_the_same_declaration():
    there = with_cluster_readers(adopted(LANE, "railiance01"), CATALOG.platform.clusters)
    assert len(there.readers) > len(LANE.readers)
    assert declaration(declared_route(there)) == declaration(declared_route(adopted(LANE, "railiance01")))
    assert declaration(declared_route(there)) != declaration(
        declared_route(LANE)
    )  # a Secret made by hand is another delivery


def test_a_draft_that_is_proven_names_promote(lane_of):
    draft = lane_of(status="draft")
    summary = ProofSummary(state="proven", passed=3, total=3, declared=declaration(declared_route(draft)))
    proof = Record(seq=1, at=NOW.isoformat(), event="proof", lane=draft.id, actor="a", body=as_record(summary), hash="")
    before, after = route(draft, LaneState(), NOW, FRESH), route(draft, LaneState(proof=proof), NOW, FRESH)
    assert (before.next.proven, after.next.proven) == ("", draft.id)
    assert (before.resolvable, after.resolvable) == (False, False)
