"""What differs in a cluster, who else manages it, and what is not ours to change."""

import copy

import msgspec
import pytest

from warden.core.clusters.comparison import change_of, compare, compare_by_hand, owned_by, owner_of
from warden.core.clusters.differences import surplus
from warden.core.clusters.manifests import Reached, manifests, ref_of, secret_of
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery, Workload, WorkloadReader
from warden.core.plans.plan import (
    BeingDeleted,
    ByHand,
    DeclaredByHand,
    Difference,
    MadeByHand,
    ManagedBy,
    NamespaceMissing,
    NotMarked,
    OwnedBy,
    RoleRefFixed,
    SharedAccount,
    SharedWithUnreadable,
    System,
)
from warden.core.remedies import EditFile, RunKubectl, warden
from warden.present.commands import commands
from warden.present.plans import difference_lines

REACHED = Reached(address="https://bao.example:8200")
HERE = System(address="https://api.example", cluster="here")


@pytest.fixture
def one_target(lane_of):
    lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/first-secret")})
    return target(lane, "here", {"here": DeclaredCluster(context="ctx")})


@pytest.fixture
def wanted(one_target):
    """The manifests by kind; of two of one kind the first."""
    found = {}
    for each in manifests(one_target, REACHED):
        found.setdefault(each["kind"], each)
    return found


def live(manifest, *managers, **metadata):
    """The object as the API server has it, with the field sets of its managers."""
    found = copy.deepcopy(dict(manifest))
    found["metadata"] |= {"uid": "u1", "resourceVersion": "7", "managedFields": list(managers)} | metadata
    found["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    return found


def managed(manager, fields, **more):
    return {"manager": manager, "operation": "Update", "fieldsV1": fields} | more


def test_what_is_not_there_is_made_and_told_by_what_it_decides(wanted):
    change = change_of(wanted["SecretStore"], None)
    assert (change.action, change.namespace, change.name) == ("create", "tenant", "openbao-first")
    assert Difference("spec.provider.vault.server", None, "https://bao.example:8200") in change.differences
    assert not any("apiVersion" in each.field or "managed-by" in each.field for each in change.differences)


def test_what_is_as_declared_is_kept_whatever_else_the_server_adds(wanted):
    assert change_of(wanted["ExternalSecret"], live(wanted["ExternalSecret"])).action == "keep"


@pytest.mark.parametrize("text", ["1h", "60m", "3600s", "1h0m0s"])
def test_durations_are_equal_however_they_are_written(wanted, text):
    there = live(wanted["ExternalSecret"])
    there["spec"]["refreshInterval"] = text
    assert change_of(wanted["ExternalSecret"], there).action == "keep"


@pytest.mark.parametrize("text", ["2h", "1h0m1s", "0s", "1hour", "", 3600])
def test_other_durations_differ(wanted, text):
    there = live(wanted["ExternalSecret"])
    there["spec"]["refreshInterval"] = text
    change = change_of(wanted["ExternalSecret"], there)
    assert change.action == "change"
    assert [(each.field, each.after) for each in change.differences] == [("spec.refreshInterval", "1h0m0s")]


def test_a_difference_tells_what_is_there_and_what_should_be(wanted):
    there = live(wanted["SecretStore"])
    there["spec"]["provider"]["vault"]["path"] = "elsewhere"
    assert change_of(wanted["SecretStore"], there).differences == (
        Difference("spec.provider.vault.path", "elsewhere", "platform"),
    )


def test_what_is_there_undeclared_differs_and_what_is_unset_does_not(wanted):
    there = live(wanted["ExternalSecret"])
    there["spec"] |= {"dataFrom": [], "refreshPolicy": "Periodic", "note": None}
    there["spec"]["target"] |= {"immutable": False}
    assert change_of(wanted["ExternalSecret"], there).action == "keep"
    assert surplus(wanted["ExternalSecret"], there) == {}
    there["spec"]["dataFrom"] = [{"extract": {"key": "all"}}]
    assert change_of(wanted["ExternalSecret"], there).differences == (
        Difference("spec.dataFrom[0].extract.key", "all", None),
    )


@pytest.mark.parametrize(
    ("kind", "path", "empty"),
    [
        ("SecretStore", ("spec", "provider", "vault", "auth", "kubernetes", "secretRef"), {}),
        ("SecretStore", ("spec", "provider", "vault", "forwardInconsistent"), True),
        ("SecretStore", ("spec", "provider", "vault", "checkAndSet"), {}),
        ("SecretStore", ("spec", "retrySettings"), {}),
        ("ExternalSecret", ("spec", "dataFrom"), [{}]),
        ("ExternalSecret", ("spec", "data", 0, "sourceRef"), {}),
        ("ExternalSecret", ("spec", "target", "template", "metadata", "finalizers"), [""]),
        ("ExternalSecret", ("spec", "target", "manifest"), {}),
        ("Role", ("rules", 0, "nonResourceURLs"), []),
        ("RoleBinding", ("subjects", 0, "note"), ""),
        ("SecretStore", ("spec", "controller"), False),
    ],
)
def test_what_is_there_and_empty_is_not_absent(wanted, kind, path, empty):
    there = live(wanted[kind])
    node = there
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = empty
    change = change_of(wanted[kind], there)
    assert change.action == "change", change
    if not any(isinstance(step, int) for step in path):
        assert surplus(wanted[kind], there) != {}


@pytest.mark.parametrize("condition", [{"namespaceSelector": {}}, {"namespaceRegexes": []}, {"namespaces": []}])
def test_an_empty_selector_of_namespaces_is_a_difference(lane_of, condition):
    store = shared_store(lane_of)
    there = live(store)
    there["spec"]["conditions"][0] |= condition
    change = change_of(store, there)
    assert change.action == "change"
    assert {each.field for each in change.differences} <= {
        "spec.conditions[0].namespaceSelector",
        "spec.conditions[0].namespaceRegexes",
        "spec.conditions[0].namespaces",
        "spec.conditions[0].namespaces[0]",
    }
    assert change.takes_access == (condition == {"namespaceSelector": {}})


@pytest.mark.parametrize("conditions", [[], [{}], None])
def test_no_condition_at_all_is_a_difference(lane_of, conditions):
    store = shared_store(lane_of)
    there = live(store)
    there["spec"]["conditions"] = conditions
    assert change_of(store, there).action == "change"


def shared_store(lane_of):
    """The ClusterSecretStore of a delivery that declares one."""
    delivery = Delivery(external_secret="tenant/first-secret", store="ClusterSecretStore/shared")
    lane = lane_of(deliveries={"here": delivery})
    made = manifests(target(lane, "here", {"here": DeclaredCluster(context="ctx")}), REACHED)
    return next(each for each in made if each["kind"] == "ClusterSecretStore")


def test_an_account_of_ours_is_compared_in_what_warden_set(wanted):
    there = live(wanted["ServiceAccount"])
    there |= {"secrets": [{"name": "app-token"}], "imagePullSecrets": [{"name": "pull"}]}
    assert change_of(wanted["ServiceAccount"], there).action == "keep"
    there["automountServiceAccountToken"] = True
    assert [each.field for each in change_of(wanted["ServiceAccount"], there).differences] == [
        "automountServiceAccountToken"
    ]
    del there["metadata"]["labels"]
    assert change_of(wanted["ServiceAccount"], there).action == "keep"


def test_labels_and_annotations_of_others_are_theirs_and_ours_are_compared(wanted):
    there = live(wanted["SecretStore"])
    there["metadata"]["annotations"] |= {"team": "x"}
    assert change_of(wanted["SecretStore"], there).action == "keep"
    there["metadata"]["annotations"]["ops-warden/reader"] = "tenant/other"
    assert change_of(wanted["SecretStore"], there).action == "change"


@pytest.mark.parametrize("kind", ["Namespace", "ServiceAccount"])
def test_a_tenants_own_namespace_or_account_is_as_good_as_ours(wanted, kind):
    there = live(wanted[kind])
    there["metadata"]["labels"] = {"helm": "yes"}
    assert change_of(wanted[kind], there).action == "keep"


def test_an_object_of_the_name_without_our_label_is_foreign_unless_taken_over(wanted):
    there = live(wanted["SecretStore"])
    there["metadata"]["labels"] = {}
    change = change_of(wanted["SecretStore"], there)
    assert (change.action, change.obstacle) == ("foreign", NotMarked())
    taken = change_of(wanted["SecretStore"], there, take_over=True)
    assert (taken.action, taken.obstacle, taken.is_taken_over) == ("change", NotMarked(), True)


PATH_OF_SERVER = {"f:spec": {"f:provider": {"f:vault": {"f:server": {}}}}}
PATH_OF_PATH = {"f:spec": {"f:provider": {"f:vault": {".": {}, "f:path": {}}}}}


@pytest.mark.parametrize(
    ("entries", "action", "managers"),
    [
        ([managed("warden", PATH_OF_PATH)], "change", ()),
        ([managed("helm", PATH_OF_PATH)], "foreign", ("helm",)),
        ([managed("helm", PATH_OF_SERVER)], "change", ()),
        ([managed("z", PATH_OF_PATH), managed("a", PATH_OF_PATH)], "foreign", ("a", "z")),
        ([managed("eso", PATH_OF_PATH, subresource="status")], "change", ()),
        ([managed("flux", {"f:spec": {}})], "foreign", ("flux",)),
        ([managed("flux", {"f:spec": {"f:provider": {}}})], "foreign", ("flux",)),
        ([managed("flux", {"f:metadata": {"f:labels": {}}})], "change", ()),
        ([{"manager": "old"}], "change", ()),
    ],
    ids=["ours", "theirs", "another field", "two", "a status", "all of spec", "a map as a whole", "metadata", "none"],
)
def test_whoever_manages_a_field_that_differs_is_named(wanted, entries, action, managers):
    there = live(wanted["SecretStore"], *entries)
    there["spec"]["provider"]["vault"]["path"] = "elsewhere"
    change = change_of(wanted["SecretStore"], there)
    assert (change.action, change.obstacle) == (action, ManagedBy(managers) if managers else None)


def test_a_list_that_is_managed_as_a_whole_is_managed_in_each_of_its_parts(wanted):
    there = live(wanted["Role"], managed("kubectl-edit", {"f:rules": {}}))
    there["rules"][0]["resourceNames"] = []
    change = change_of(wanted["Role"], there)
    assert (change.action, change.obstacle) == ("foreign", ManagedBy(("kubectl-edit",)))


def test_a_list_with_keys_is_managed_by_whom_holds_the_whole_or_an_entry(wanted):
    keyed = {"f:spec": {"f:data": {'k:{"secretKey":"API_KEY"}': {".": {}, "f:remoteRef": {"f:property": {}}}}}}
    there = live(wanted["ExternalSecret"], managed("argocd", keyed))
    there["spec"]["data"][0]["remoteRef"]["property"] = "OTHER"
    change = change_of(wanted["ExternalSecret"], there)
    assert (change.action, change.obstacle) == ("foreign", ManagedBy(("argocd",)))


def test_what_others_added_is_taken_out_and_nothing_else(wanted):
    there = live(wanted["ExternalSecret"])
    assert surplus(wanted["ExternalSecret"], there) == {}
    there["spec"] |= {"refreshPolicy": "CreatedOnce", "refreshInterval": "9h", "dataFrom": [], "note": ""}
    there["spec"]["target"]["immutable"] = True
    there["spec"]["target"]["template"]["metadata"]["finalizers"] = ["x/y"]
    there["metadata"]["annotations"]["team"] = "x"
    assert surplus(wanted["ExternalSecret"], there) == {
        "spec": {
            "refreshPolicy": None,
            "note": None,
            "target": {"immutable": None, "template": {"metadata": {"finalizers": None}}},
        }
    }


def test_a_long_value_is_cut(wanted):
    there = live(wanted["SecretStore"])
    there["spec"]["provider"]["vault"]["path"] = "x" * 300
    line = difference_lines(change_of(wanted["SecretStore"], there).differences)[0]
    assert line.endswith("… (302 characters)")
    assert len(line) < 160


# -- the plan of a delivery -------------------------------------------------------------------------------------------


def planned(target, *, more=None, missing=(), namespace=False, **how):
    """The plan against a cluster where all is as declared, but for what is missing or more."""
    made = manifests(target, REACHED, namespace=namespace)
    there = {ref_of(each): live(each) for each in made if each["kind"] not in missing}
    there |= {} if "Namespace" in missing else {ns(target): {"metadata": {"name": target.namespace}}}
    return compare(target, made, there | (more or {}), system=HERE, **how)


def ns(target):
    from warden.core.clusters.comparison import namespace_of

    return namespace_of(target)


def told(plan):
    return [(change.action, change.kind, f"{change.namespace}/{change.name}".lstrip("/")) for change in plan.to_change]


def test_in_step_there_is_nothing_to_change(one_target):
    plan = planned(one_target)
    assert (told(plan), plan.blocked, plan.notes) == ([], (), ())
    assert (plan.lane, plan.system) == ("first", HERE)


def test_a_tenants_namespace_that_is_absent_is_in_the_way_and_made_where_it_was_asked_for(one_target):
    plan = planned(one_target, missing=["Namespace"])
    assert told(plan)[0] == ("absent", "Namespace", "tenant")
    assert plan.blocked[0].obstacle == NamespaceMissing()
    assert plan.blocked[0].remedy == (warden("apply", "first", create_namespace=True),)
    asked = planned(one_target, missing=["Namespace"], namespace=True)
    assert told(asked)[0] == ("create", "Namespace", "tenant")
    assert asked.blocked == ()


SINCE = "2026-11-20T12:00:00Z"


@pytest.mark.parametrize("take_over", [False, True])
def test_an_object_that_is_being_deleted_is_in_the_way_with_what_holds_it(one_target, wanted, take_over):
    external = wanted["ExternalSecret"]
    ending = live(external, deletionTimestamp=SINCE, finalizers=["x.example/y"])
    plan = planned(one_target, more={ref_of(external): ending}, take_over=take_over)
    assert told(plan) == [("foreign", "ExternalSecret", "tenant/first-secret")]
    change = plan.blocked[0]
    assert change.obstacle == BeingDeleted(SINCE, ("x.example/y",))
    drop = RunKubectl(
        context="ctx", action="drop-finalizers", kind="ExternalSecret", namespace="tenant", name="first-secret"
    )
    assert change.remedy == (drop, warden("apply", "first"))


@pytest.mark.parametrize("asked", [False, True])
def test_so_is_a_tenants_namespace_whether_it_was_asked_for_or_not(one_target, asked):
    ending = {"metadata": {"name": "tenant", "deletionTimestamp": SINCE}, "spec": {"finalizers": ["kubernetes"]}}
    plan = planned(one_target, more={ns(one_target): ending}, namespace=asked)
    assert told(plan) == [("foreign", "Namespace", "tenant")]
    assert plan.blocked[0].obstacle == BeingDeleted(SINCE)
    assert plan.blocked[0].remedy == (RunKubectl(context="ctx", action="get", kind="Namespace", name="tenant"),)


@pytest.mark.parametrize("take_over", [False, True])
def test_a_binding_to_another_role_has_to_be_deleted_since_nobody_can_change_it(one_target, wanted, take_over):
    binding = wanted["RoleBinding"]
    there = live(binding)
    there["roleRef"] |= {"kind": "ClusterRole", "name": "view"}
    plan = planned(one_target, more={ref_of(binding): there}, take_over=take_over)
    assert told(plan) == [("foreign", "RoleBinding", "tenant/openbao-token-first")]
    name = "openbao-token-first"
    delete = RunKubectl(context="ctx", action="delete", kind="RoleBinding", namespace="tenant", name=name)
    assert (plan.blocked[0].obstacle, plan.blocked[0].remedy) == (RoleRefFixed(), (delete, warden("apply", "first")))


def secret_made(target, external_uid="", **metadata):
    owner = {"kind": "ExternalSecret", "name": target.secret, "uid": external_uid, "controller": True}
    owners = {"ownerReferences": [owner]} if external_uid else {}
    return {secret_of(target): {"metadata": {"name": target.secret} | owners | metadata}}


def test_the_secret_of_the_external_secret_is_no_object_of_ours(one_target):
    assert told(planned(one_target, more=secret_made(one_target, "u1"))) == []


ASK = "ask app-team (README.md)"
"""``adopt`` refuses what belongs to something else."""


@pytest.mark.parametrize(
    ("uid", "metadata", "obstacle", "remedy"),
    [
        ("", {}, MadeByHand(), "warden adopt first --cluster here"),
        (
            "another",
            {},
            OwnedBy("ExternalSecret", "first-secret"),
            "kubectl --context ctx -n tenant delete externalsecret first-secret && warden apply first",
        ),
        ("", {"annotations": {"meta.helm.sh/release-name": "app"}}, OwnedBy("HelmRelease", "app"), ASK),
        ("", {"labels": {"app.kubernetes.io/managed-by": "Helm"}}, OwnedBy("HelmRelease", ""), ASK),
    ],
)
def test_a_secret_in_the_way_is_named_with_its_owner_and_never_applied_over(
    one_target, uid, metadata, *, obstacle, remedy
):
    plan = planned(one_target, more=secret_made(one_target, uid, **metadata), take_over=True)
    assert told(plan) == [("foreign", "Secret", "tenant/first-secret")]
    assert plan.blocked[0].obstacle == obstacle
    assert commands(plan.blocked[0].remedy) == remedy


def test_a_secret_that_is_being_deleted_is_in_the_way_whoever_owns_it(one_target):
    ending = secret_made(one_target, "u1", deletionTimestamp=SINCE, finalizers=["x/y"])
    plan = planned(one_target, more=ending)
    assert told(plan) == [("foreign", "Secret", "tenant/first-secret")]
    assert plan.blocked[0].obstacle == BeingDeleted(SINCE, ("x/y",))
    by_hand = compare_by_hand(one_target, ending[secret_of(one_target)], system=HERE)
    assert by_hand.blocked[0].obstacle == BeingDeleted(SINCE, ("x/y",))


def test_who_owns_a_secret_is_told_by_the_uid_and_as_its_controller():
    external = {"metadata": {"uid": "u1"}}
    owner = {"kind": "ExternalSecret", "name": "s", "uid": "u1", "controller": True}
    assert owned_by({"metadata": {"ownerReferences": [owner]}}, external)
    assert not owned_by({"metadata": {"ownerReferences": [owner | {"uid": "u2"}]}}, external)
    assert not owned_by({"metadata": {"ownerReferences": [owner | {"controller": False}]}}, external)
    assert not owned_by({"metadata": {}}, external)
    assert not owned_by({"metadata": {"ownerReferences": [owner]}}, None)
    assert owner_of({"metadata": {}}) is None


def test_an_account_of_elsewhere_is_as_declared_and_worth_a_remark(one_target):
    other = WorkloadReader(workload=Workload("external-secrets", "external-secrets"))
    shared = msgspec.structs.replace(one_target, reader=other)
    account = "external-secrets/external-secrets"
    assert planned(shared).notes == (SharedAccount(account=account, namespace="tenant"),)


def test_a_secret_made_by_hand_is_a_note_and_one_with_an_owner_contradicts_its_declaration(one_target):
    assert compare_by_hand(one_target, None, system=HERE).notes == (ByHand(there=False),)
    secret = {"metadata": {"name": "first-secret"}}
    assert compare_by_hand(one_target, secret, system=HERE).notes == (ByHand(there=True),)
    secret["metadata"]["ownerReferences"] = [{"kind": "ExternalSecret", "name": "x", "uid": "u", "controller": True}]
    (change,) = compare_by_hand(one_target, secret, system=HERE).blocked
    assert change.obstacle == DeclaredByHand(OwnedBy("ExternalSecret", "x"))
    declare = EditFile(
        file="lane", field="deliveries.here.external_secret", instead_of="deliveries.here.bootstrap_secret"
    )
    assert change.remedy == (declare,)


@pytest.mark.parametrize("take_over", [False, True])
def test_a_store_that_a_lane_with_errors_may_use_stays_as_it_is(one_target, wanted, take_over):
    there = {each: live(wanted[each]) for each in ("SecretStore", "ExternalSecret")}
    there["SecretStore"]["spec"]["provider"]["vault"]["path"] = "elsewhere"
    there["ExternalSecret"]["spec"]["refreshInterval"] = "9h"
    more = {ref_of(each): each for each in there.values()}
    plan = planned(one_target, more=more, take_over=take_over, unreadable=("catalog/x.yaml",))
    store, own = (next(each for each in plan.changes if each.kind == kind) for kind in there)
    assert (store.action, store.obstacle) == ("foreign", SharedWithUnreadable(("catalog/x.yaml",)))
    assert own.action == "change"
