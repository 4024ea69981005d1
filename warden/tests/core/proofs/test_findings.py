"""What differs from the declaration is a verdict of its own, on OpenBao and in a cluster."""

import pytest

from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.core.plans.plan import (
    Change,
    Difference,
    ManagedBy,
    NamespaceMissing,
    NoAudience,
    NotMarked,
    Plan,
    RoleRefFixed,
    System,
)
from warden.core.proofs.details import NotKvVersion2, ObjectDiffers, ObjectsCompared
from warden.core.proofs.findings import cluster_findings, flags_of, openbao_findings, with_flags
from warden.core.proofs.verdict import Verdict
from warden.core.remedies import RunKubectl, warden

MOUNT = Change(action="keep", kind="mount", name="platform")
ROLE = "auth/kubernetes/role/workload-tenant-first"
TTL = (Difference("token_ttl", 86400, 900),)


def plan(*changes):
    return Plan(lane="first", system=System(address="there"), changes=changes)


def test_on_openbao_marks_policy_and_roles_are_compared_each_role_for_its_reader(lane_of):
    policy = Change(action="keep", kind="policy", name="p")
    role = Change(action="change", kind="role", name=ROLE, differences=TTL, widening=NoAudience())
    metadata = Change(action="keep", kind="metadata", name="platform/x")
    found = openbao_findings(lane_of(), plan(MOUNT, metadata, policy, role))
    assert [(each.probe, each.reader, each.result, each.observed) for each in found] == [
        ("metadata", "", "ok", "as-declared"),
        ("policy", "", "ok", "as-declared"),
        ("role", "tenant/first", "wrong", "differs"),
    ]
    assert (found[0].detail, found[0].remedy) == (None, ())
    assert found[2].detail == ObjectDiffers(action="change", kind="role", name=ROLE, widening=NoAudience())
    assert (found[2].differences, found[2].remedy) == (TTL, (warden("apply", "first"),))


OWNER, CAS = Difference("owner-custody", "a", "b"), Difference("cas_required", None, True)
END = Difference("expiration", "2027-01-01T00:00:00Z", None)


@pytest.mark.parametrize(
    ("kind", "differences", "expected"),
    [
        ("metadata", (OWNER,), {"metadata": "wrong"}),
        ("metadata", (CAS,), {"metadata": "ok", "cas-required": "wrong"}),
        ("metadata", (OWNER, CAS), {"metadata": "wrong", "cas-required": "wrong"}),
        ("policy", (END,), {"policy-expires": "wrong"}),
        ("policy", (Difference("", "x", "y"), END), {"policy": "wrong", "policy-expires": "wrong"}),
    ],
)
def test_check_and_set_and_a_policys_end_are_findings_of_their_own(lane_of, kind, differences, expected):
    change = Change(action="change", kind=kind, name="n", differences=differences)
    found = openbao_findings(lane_of(), plan(MOUNT, change))
    assert {each.probe: each.result for each in found} == expected
    yes = any(each.before == "x" for each in differences)  # a line of the policy goes
    assert {each.remedy for each in found if each.result == "wrong"} <= {
        (warden("apply", "first"),),
        *([(warden("apply", "first", yes=True),)] if yes else []),
    }
    assert {d for each in found for d in each.differences} == set(differences)


def test_what_is_not_there_is_one_finding(lane_of):
    change = Change(action="create", kind="metadata", name="n", differences=(OWNER, CAS))
    assert [each.probe for each in openbao_findings(lane_of(), plan(MOUNT, change))] == ["metadata"]


def test_a_policy_that_is_not_ours_is_fixed_only_by_taking_over(lane_of):
    foreign = Change(action="foreign", kind="policy", name="p", obstacle=NotMarked())
    (found,) = openbao_findings(lane_of(), plan(MOUNT, foreign))
    assert found.remedy == (warden("apply", "first", take_over=True, yes=True),)


def test_a_mount_that_is_not_kv_version_2_is_the_only_finding(lane_of):
    mount = Change(action="foreign", kind="mount", name="platform")
    policy = Change(action="create", kind="policy", name="p")
    (found,) = openbao_findings(lane_of(), plan(mount, policy))
    assert (found.probe, found.result, found.detail) == ("mount", "wrong", NotKvVersion2("platform"))


@pytest.fixture
def delivery(lane_of):
    lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/first-secret")})
    return target(lane, "here", {"here": DeclaredCluster(context="ctx")})


def test_in_a_cluster_one_verdict_stands_for_all_objects_that_are_as_declared(delivery):
    kept = [Change(action="keep", kind=kind, name="n") for kind in ("ServiceAccount", "SecretStore", "ExternalSecret")]
    secret = Change(action="foreign", kind="Secret", name="first-secret")
    (found,) = cluster_findings(delivery, plan(*kept, secret))
    assert (found.probe, found.reader, found.result) == ("objects", "delivery here", "ok")
    assert found.detail == ObjectsCompared(3)


DELETE = RunKubectl(context="ctx", action="delete", kind="RoleBinding", namespace="tenant", name="n")
CASES = {
    "missing": ({"action": "create"}, (warden("apply", "first"),)),
    "changed": ({"action": "change", "differences": TTL}, (warden("apply", "first"),)),
    "of others": (
        {"action": "foreign", "differences": TTL, "obstacle": ManagedBy(("kubectl-edit",))},
        (warden("apply", "first", take_over=True, yes=True),),
    ),
    "without a namespace": (
        {"action": "absent", "kind": "Namespace", "obstacle": NamespaceMissing()},
        (warden("apply", "first", create_namespace=True),),
    ),
    "with a remedy of its own": ({"action": "foreign", "obstacle": RoleRefFixed(), "remedy": (DELETE,)}, (DELETE,)),
}


@pytest.mark.parametrize("case", CASES)
def test_in_a_cluster_each_object_that_differs_is_a_verdict(delivery, case):
    fields, remedy = CASES[case]
    change = Change(**{"kind": "RoleBinding", "name": "n", "namespace": "tenant"} | fields)
    kept = Change(action="keep", kind="SecretStore", name="s")
    (found,) = cluster_findings(delivery, plan(kept, change))
    assert (found.probe, found.result, found.observed) == (change.kind.lower(), "wrong", "differs")
    assert (found.detail.action, found.detail.obstacle) == (change.action, change.obstacle)
    assert found.differences == change.differences
    assert found.remedy == remedy


def test_what_a_missing_object_would_have_is_not_shown_as_a_difference(delivery):
    missing = Change(action="create", kind="SecretStore", name="s", differences=TTL)
    (found,) = cluster_findings(delivery, plan(missing))
    assert found.differences == ()


WIDER = (Difference("token_policies", ["p", "q"], ["p"]),)


def test_apply_is_named_with_the_flags_that_the_plan_as_a_whole_needs(lane_of):
    marks = Change(action="change", kind="metadata", name="n", differences=(OWNER,))
    role = Change(action="change", kind="role", name=ROLE, differences=WIDER)
    foreign = Change(action="foreign", kind="policy", name="p", obstacle=NotMarked())
    assert remedies(openbao_findings(lane_of(), plan(MOUNT, marks))) == {(warden("apply", "first"),)}
    yes = warden("apply", "first", yes=True)
    assert remedies(openbao_findings(lane_of(), plan(MOUNT, marks, role))) == {(yes,)}
    take_over = warden("apply", "first", take_over=True, yes=True)
    assert remedies(openbao_findings(lane_of(), plan(MOUNT, marks, foreign))) == {(take_over,)}


def remedies(found):
    return {each.remedy for each in found}


def test_a_verdict_gets_the_flags_of_the_plan_that_apply_would_come_to_before(delivery):
    missing = Change(action="absent", kind="Namespace", name="n", obstacle=NamespaceMissing())
    binding = Change(action="foreign", kind="RoleBinding", name="n", obstacle=RoleRefFixed(), remedy=(DELETE,))
    assert flags_of(plan(missing, binding)) == {"create_namespace"}
    again = (DELETE, warden("apply", "first", create_namespace=True))
    found = Verdict(probe="synced", result="wrong", observed="differs", remedy=again)
    told = warden("apply", "first", take_over=True, create_namespace=True, yes=True)
    assert with_flags(found, frozenset({"take_over", "yes"})).remedy == (DELETE, told)
    assert with_flags(found, frozenset()) == found
