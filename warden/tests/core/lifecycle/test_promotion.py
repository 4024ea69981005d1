"""The gate of a promotion: every verdict of a proof decides one condition, and what was not seen does not hold."""

import msgspec
import pytest

from warden.core.lanes.lane import Consumer, Custody, Delivery
from warden.core.lanes.lane_edit import status_field
from warden.core.lifecycle.promotion import conclusion, condition_of, gate
from warden.core.proofs.verdict import PROBE_IDS, Proof, Verdict

OK = {"probe": "plan", "result": "ok", "observed": "as-declared"}


def verdict(probe, result="ok", **fields):
    return Verdict(**OK | {"probe": probe, "result": result} | fields)


@pytest.fixture
def lane(lane_of):
    return lane_of(
        playbook="docs/p.md",
        deliveries={
            "c1": Delivery(external_secret="tenant/first"),
            "c2": Delivery(bootstrap_secret="tenant/first"),
        },
        consumers=(Consumer(deployment="tenant/app"),),
    )


WHOLE = (
    verdict("metadata"),
    verdict("policy"),
    verdict("role", reader="tenant/first"),
    verdict("custody"),
    verdict("live-version"),
    verdict("value-form"),
    verdict("reads", reader="tenant/first"),
    verdict("other-account", reader="tenant/first"),
    verdict("nobody-else"),
    verdict("synced", cluster="c1"),
    verdict("value", cluster="c1"),
    verdict("exposure", cluster="c1"),
    verdict("consumer", cluster="c1", subject="tenant/app"),
    verdict("by-hand", cluster="c2"),
)


def found(lane, verdicts=WHOLE):
    return gate(lane, Proof(lane=lane.id, verdicts=tuple(verdicts)))


def with_result(result, probe, cluster=""):
    return [
        msgspec.structs.replace(each, result=result) if (each.probe, each.cluster) == (probe, cluster) else each
        for each in WHOLE
    ]


def test_what_the_output_lists_of_a_whole_lane(lane):
    assert [(each.id, each.subject) for each in found(lane)] == [
        ("no-placeholder", ""),
        ("owners", "platform-team, app-team, run-team"),
        ("playbook", "docs/p.md"),
        ("path", ""),
        ("inspected", ""),
        ("declared", ""),
        ("kept", ""),
        ("reads", "tenant/first"),
        ("others", ""),
        ("delivers", "c1"),
        ("others-there", "c1"),
        ("consumers", "c1"),
        ("by-hand", "c2"),
    ]
    assert conclusion(found(lane)) == "ok"


def test_every_verdict_is_in_exactly_one_condition(lane):
    conditions = found(lane)
    assert sorted(each.probe for one in conditions for each in one.verdicts) == sorted(each.probe for each in WHOLE)


@pytest.mark.parametrize("probe", PROBE_IDS)
@pytest.mark.parametrize("cluster", ["", "c1"])
@pytest.mark.parametrize("result", ["wrong", "inconclusive"])
def test_no_verdict_of_any_probe_is_left_out_of_the_gate(lane, probe, cluster, result):
    label = "tenant/first" if condition_of(verdict(probe)) == "reads" else ""
    against = verdict(probe, result, cluster=cluster, reader=label)
    conditions = found(lane, (*WHOLE, against))
    assert conclusion(conditions) == result
    assert [each.against for each in conditions if each.against] == [(against,)]


@pytest.mark.parametrize(
    ("left_out", "condition"),
    [
        ("live-version", "path"),
        ("value-form", "inspected"),
        ("custody", "kept"),
        ("reads", "reads"),
        ("by-hand", "by-hand"),
    ],
)
def test_what_the_proof_did_not_look_at_does_not_hold(lane, left_out, condition):
    conditions = found(lane, [each for each in WHOLE if each.probe != left_out])
    assert [each.id for each in conditions if each.holds != "ok"] == [condition]
    assert conclusion(conditions) == "inconclusive"


def test_a_cluster_that_was_not_looked_at_does_not_hold(lane):
    conditions = found(lane, [each for each in WHOLE if each.cluster != "c1"])
    assert [(each.id, each.holds) for each in conditions if each.subject == "c1"] == [("delivers", "inconclusive")]


def test_a_wrong_answer_counts_for_more_than_one_that_is_missing(lane):
    conditions = found(lane, [*with_result("inconclusive", "synced", "c1"), verdict("writes", "wrong")])
    assert conclusion(conditions) == "wrong"


def test_what_the_file_has_to_say(lane):
    path = msgspec.structs.replace(lane, custody=Custody(path="platform/x/<y>", fields=("A",)), playbook=None)
    conditions = {each.id: each for each in found(path)}
    assert [conditions[each].holds for each in ("no-placeholder", "owners", "playbook")] == ["wrong", "ok", "wrong"]
    assert [conditions[each].remedy[0].field for each in ("no-placeholder", "playbook")] == ["custody.path", "playbook"]


def test_a_protected_lane_names_the_request_that_was_applied(lane):
    conditions = gate(lane, Proof(lane=lane.id, verdicts=WHOLE), request="CCR-2026-0004")
    assert [(each.id, each.subject) for each in conditions][2:4] == [
        ("playbook", "docs/p.md"),
        ("approved", "CCR-2026-0004"),
    ]


def test_pages_that_are_known_not_to_be_there(lane):
    missing = {"platform-team docs/openbao.md", "docs/p.md", "somebody-else docs/x.md"}
    conditions = {each.id: each for each in gate(lane, Proof(lane=lane.id, verdicts=WHOLE), missing)}
    assert [(each.id, each.missing) for each in conditions.values() if each.holds == "wrong"] == [
        ("owners", ("platform-team docs/openbao.md",)),
        ("playbook", ("docs/p.md",)),
    ]


@pytest.mark.parametrize(
    ("own", "environment", "field"),
    [
        ({}, "", "status"),
        ({}, "prod", "status"),
        ({"prod": False}, "prod", "status"),
        ({"prod": True}, "prod", "environments.prod.status"),
        ({"dev": False, "prod": False}, "prod", "environments.prod.status"),
        ({"dev": True, "prod": False}, "dev", "environments.dev.status"),
    ],
)
def test_each_of_several_environments_has_a_status_of_its_own(own, environment, field):
    assert ".".join(status_field(own, environment)) == field
