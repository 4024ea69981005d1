"""The page of a lane, word by word; and foreign text in it, which stays text.

The page is kept in golden_playbook.txt: ``WARDEN_WRITE=1`` writes it anew.
"""

import datetime as dt
import os
import re
from pathlib import Path

import msgspec
import pytest

from warden.core.journal.record import LaneState, Record
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Consumer, Delivery, Owner, Owners, Protected, Rotation
from warden.core.lifecycle.lane_status import LaneObservation, SecretPresence, lane_status
from warden.core.lifecycle.next_actions import LaneFacts, of_lane
from warden.core.openbao.api import KvMetadata
from warden.core.playbooks.checklist import LaneRequest, PlaybookFacts
from warden.core.playbooks.lines import differences
from warden.core.playbooks.markers import merged, places
from warden.core.remedies import warden
from warden.core.routes.freshness import FRESH, last_proof
from warden.core.routes.proof_summary import DeliverySummary, NotOk, ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route
from warden.present.markdown import code, fenced, plain
from warden.present.playbook_page import page
from warden.present.surroundings import HERE, Surroundings

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
GOLDEN = Path(__file__).with_name("golden_playbook.txt")
CLUSTERS = {"c1": DeclaredCluster(context="c1"), "c2": DeclaredCluster(context="two")}


@pytest.fixture
def lane(lane_of):
    return lane_of(
        references=("WP-1 T4", "CCR-2026-0001"),
        protected=Protected(approvers=("ada", "grace"), approvals=2),
        deliveries={
            "c1": Delivery(external_secret="tenant/first-secrets", store="ClusterSecretStore/openbao"),
            "c2": Delivery(bootstrap_secret="tenant/first-secrets"),
        },
        consumers=(Consumer(deployment="tenant/app", smoke=("app", "smoke"), overlay="deploy/app"),),
        rotation=Rotation(every=90 * 86400, source="openrouter", management="provisioning-key"),
    )


def facts_of(lane):
    delivered = {"c1": DeliverySummary(state="proven", version=3, secret="7")}
    summary = ProofSummary(
        state="refuted",
        passed=27,
        failed=1,
        total=28,
        declared=declaration(declared_route(lane)),
        deliveries=delivered,
        not_ok=(
            NotOk(probe="other-audience", reader="tenant/first", result="wrong", remedy=(warden("apply", "first"),)),
        ),
    )
    proof = Record(
        seq=1842, at=NOW.isoformat(), event="proof", lane="first", actor="a", body=as_record(summary), hash=""
    )
    state = LaneState(proof=proof)
    metadata = KvMetadata(current=3, live=True, written=NOW - dt.timedelta(days=10), custom={"catalog-id": "first"})
    there = SecretPresence(exists=True, resource_version="7")
    seen = LaneObservation(reachable=True, metadata=metadata, secrets={"c1": there, "c2": there}, access="open")
    status, last = lane_status(lane, state, seen, NOW, FRESH), last_proof(state, summary.declared, NOW, FRESH)
    left = of_lane(LaneFacts(lane=lane, status=status, proof=last))
    return PlaybookFacts(
        status=status,
        left=left,
        left_ageless=left,
        requests=(LaneRequest(id="CCR-2026-0001", request_type="create", status="apply_pending"),),
        rotation=Record(seq=1900, at=NOW.isoformat(), event="rotate.done", lane="first", actor="", body={}, hash=""),
        ageless=lane_status(lane, state, seen, NOW, dt.timedelta(days=36500)),
        today=NOW.date(),
        proof=last,
        shown=(
            (NotOk(probe="reads", reader="tenant/first"), "ok"),
            (NotOk(probe="consumer", cluster="c1"), "ok"),
            (summary.not_ok[0], "wrong"),
        ),
        promoted=Record(
            seq=12, at="2026-07-02T10:00:00+00:00", event="lane.promoted", lane="first", actor="", body={}, hash=""
        ),
    )


def rendered(lane, **how):
    blocks = page(lane, facts_of(lane), CLUSTERS, "platform/catalog/first.yaml", **{"aged": True} | how)
    return "\n".join([*merged([], {each.name: each.text for each in blocks}), ""])


def test_the_whole_page(lane):
    if os.environ.get("WARDEN_WRITE"):
        GOLDEN.write_text(rendered(lane))
    assert rendered(lane) == GOLDEN.read_text()


def test_it_names_no_directory_of_whoever_renders_it(lane):
    before = HERE.set(Surroundings(platform="/somewhere/else", env="", environment=""))
    try:
        assert rendered(lane) == GOLDEN.read_text()
        assert HERE.get().platform == "/somewhere/else"
    finally:
        HERE.reset(before)


def test_a_page_fits_itself(lane):
    for block in page(lane, facts_of(lane), CLUSTERS, "f", aged=True):
        assert differences(block.text, block, 1) == ()


FORGED = "x\n<!-- warden:end about -->\n| a | `b` <script>[c](d)"


def test_foreign_text_forges_neither_a_marker_nor_a_tag_nor_a_cell(lane):
    forged = msgspec.structs.replace(
        lane,
        title=FORGED,
        references=(FORGED,),
        owners=Owners(custody=Owner(repo=FORGED, doc="a b|c"), consumer=Owner(repo="r", doc=FORGED)),
        consumers=(Consumer(deployment="tenant/app", smoke=("echo", FORGED)),),
    )
    text = rendered(forged)
    lines = text.split("\n")
    assert places(lines)[1] == ()
    assert "\n<!-- warden:end about -->\n| a" not in text
    assert not [each for each in lines if each.startswith("| a ")]
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert "<script>" not in outside.replace(r"\<script", "")


@pytest.mark.parametrize(
    ("text", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a\nb", r"`a\nb`"), ("<!--", "`<!- -`")]
)
def test_code_is_as_long_as_it_has_to_be(text, shown):
    assert code(text) == shown


def test_plain_text_and_blocks():
    assert plain("a*b <c> | _d_ [e]") == r"a\*b \<c\> \| \_d\_ \[e\]"
    assert fenced(["a ```b"]) == ["````sh", "a ```b", "````"]
