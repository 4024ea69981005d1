"""plan and apply in a cluster: exact, idempotent, by server-side apply; what is not ours is named and left."""

import json

import pytest
import yaml

from warden.adapters.kubernetes.yaml_documents import dump
from warden.core.clusters.manifests import external_secret_of, manifests
from warden.core.errors import Foreign, Refused
from warden.core.lanes.lane import Custody, Delivery, Workload, WorkloadReader
from warden.core.plans.plan import BeingDeleted, Difference, MadeByHand, ManagedBy, RoleRefFixed, SharedAccount
from warden.core.remedies import warden
from warden.present import errors

pytestmark = pytest.mark.cluster


def differing(plan):
    return {(change.action, change.kind) for change in plan.to_change}


def test_everything_is_made_in_order_and_a_second_time_nothing_changes(bench):
    bench.tenant()
    first = bench.plan_there()
    assert [change.kind for change in first.changes if change.action == "create"][-2:] == [
        "SecretStore",
        "ExternalSecret",
    ]
    receipt = bench.apply_there()
    assert {(change.namespace, change.name) for change in receipt.changed} >= {
        (bench.namespace, "app"),
        (bench.namespace, bench.name),
    }
    again = bench.apply_there()
    assert (again.changed, again.record) == ((), 0)
    assert [record.event for record in bench.journal.log()] == ["apply.begin", "apply.done"]


def test_the_namespace_is_its_tenants_and_made_only_if_somebody_asked(bench):
    plan = bench.plan_there()
    assert ("absent", "Namespace") in differing(plan)
    with pytest.raises(Foreign) as fault:
        bench.apply_there()
    assert fault.value.remedy == (warden("apply", bench.name, create_namespace=True),)
    wanted = bench.plan_there(create_namespace=True)
    assert ("create", "Namespace") in differing(wanted)
    assert not wanted.blocked


def test_a_change_by_hand_is_shown_with_its_manager_and_undone_only_when_taken_over(bench):
    bench.ready()
    bench.edit("secretstore", "openbao-app", lambda found: found["spec"]["provider"]["vault"].update(path="elsewhere"))
    change = bench.plan_there().to_change[0]
    assert (change.action, change.kind) == ("foreign", "SecretStore")
    assert change.obstacle == ManagedBy(("kubectl-edit",))
    assert Difference("spec.provider.vault.path", "elsewhere", "platform") in change.differences
    with pytest.raises(Foreign):
        bench.apply_there()
    bench.apply_there(take_over=True)
    assert not bench.plan_there().to_change


@pytest.mark.parametrize(
    ("kind", "name", "added"),
    [
        ("secretstore", "openbao-app", {"controller": "other"}),
        ("externalsecret", "", {"refreshPolicy": "CreatedOnce", "target": {"immutable": True}}),
    ],
)
def test_what_somebody_added_goes_when_it_is_taken_over(bench, kind, name, added):
    """Server-side apply leaves a field that it never set, by force or not."""
    bench.ready().merge(kind, name or bench.name, {"spec": added})
    with pytest.raises(Foreign) as fault:
        bench.apply_there()
    assert isinstance(fault.value.problem.changes[0].obstacle, ManagedBy)
    bench.apply_there(take_over=True)
    assert not bench.plan_there().to_change
    bench.synced()


@pytest.mark.parametrize("take_over", [False, True])
def test_a_binding_to_another_role_is_named_with_what_mends_it(bench, take_over):
    bench.ready()
    found = bench.handle().must("GET", bench.url("rolebinding", "openbao-token-app"))
    bench.remove("rolebinding", "openbao-token-app")
    kept = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    other = found["roleRef"] | {"kind": "ClusterRole", "name": "system:discovery"}
    bench.create("rolebinding", {"metadata": kept, "subjects": found["subjects"], "roleRef": other})
    with pytest.raises(Foreign) as fault:
        bench.apply_there(take_over=take_over)
    assert fault.value.problem.changes[0].obstacle == RoleRefFixed()
    delete = f"-n {bench.namespace} delete rolebinding openbao-token-app && warden apply {bench.name}"
    assert errors.hint(fault.value).endswith(delete)
    bench.remove("rolebinding", "openbao-token-app")
    bench.apply_there()
    bench.synced()


def test_what_is_being_deleted_is_not_called_in_step(bench):
    """An ExternalSecret that a finalizer holds is there, looks right, and delivers nothing any more."""
    bench.ready().merge("externalsecret", bench.name, {"metadata": {"finalizers": ["held.example/here"]}})
    where = bench.url("externalsecret", bench.name)
    bench.handle().must("DELETE", where)
    try:
        with pytest.raises(Foreign) as fault:
            bench.apply_there(take_over=True)
        obstacle = fault.value.problem.changes[0].obstacle
        assert isinstance(obstacle, BeingDeleted)
        assert "held.example/here" in obstacle.finalizers
        patch = """--type=merge '--patch={"metadata":{"finalizers":null}}'"""
        assert errors.hint(fault.value).endswith(
            f"patch externalsecret {bench.name} {patch} && warden apply {bench.name}"
        )
    finally:
        bench.merge("externalsecret", bench.name, {"metadata": {"finalizers": None}})
    bench.until(lambda: bench.kube().get(external_secret_of(bench.target())) is None)
    bench.collected()
    bench.apply_there()
    bench.synced()


def test_the_api_server_itself_names_who_owns_a_field_that_would_change(bench):
    """Between the plan and the apply somebody may have been faster."""
    bench.ready()
    store = next(each for each in manifests(bench.target(), bench.reached) if each["kind"] == "SecretStore")
    bench.edit("secretstore", "openbao-app", lambda found: found["spec"]["provider"]["vault"].update(path="elsewhere"))
    with pytest.raises(Foreign, match=r"spec.provider.vault.path.*kubectl-edit"):
        bench.kube().apply(store)


def test_what_gitops_applied_from_render_is_as_declared(bench):
    bench.tenant()
    text = dump(manifests(bench.target(), bench.reached))
    applied = bench.handle().kubectl(
        "apply", "--server-side", "--field-manager=kustomize-controller", "-f", "-", stdin=text
    )
    assert applied.returncode == 0, applied.stderr
    assert not bench.plan_there().to_change
    changed = text.replace("1h0m0s", "5m0s")
    assert changed != text
    bench.handle().kubectl("apply", "--server-side", "--field-manager=kustomize-controller", "-f", "-", stdin=changed)
    change = bench.plan_there().to_change[0]
    assert (change.action, change.obstacle) == ("foreign", ManagedBy(("kustomize-controller",)))


def test_a_tenants_own_service_account_is_as_good_as_one_of_ours(bench):
    bench.tenant()
    bench.create("serviceaccount", {"metadata": {"name": "app", "labels": {"helm": "yes"}}})
    plan = bench.plan_there()
    assert ("create", "ServiceAccount") in differing(plan)  # the stranger's
    assert [c.action for c in plan.changes if (c.namespace, c.name) == (bench.namespace, "app")] == ["keep"]


def test_an_object_of_the_derived_name_without_our_label_is_foreign(bench):
    bench.tenant()
    store = next(each for each in manifests(bench.target(), bench.reached) if each["kind"] == "SecretStore")
    theirs = json.loads(json.dumps(store))
    del theirs["metadata"]["labels"]
    theirs["spec"]["provider"]["vault"]["path"] = "theirs"
    bench.create("secretstore", theirs)
    change = next(each for each in bench.plan_there().changes if each.kind == "SecretStore")
    assert change.action == "foreign"
    with pytest.raises(Foreign) as fault:
        bench.apply_there()
    assert "SecretStore" in [each.kind for each in fault.value.problem.changes]


def test_a_secret_made_by_hand_is_never_taken_over_by_applying(bench):
    bench.tenant()
    bench.create("secret", {"metadata": {"name": bench.name}, "stringData": {"API_KEY": "by-hand", "MORE": "kept"}})
    with pytest.raises(Foreign) as fault:
        bench.apply_there()
    assert fault.value.problem.changes[0].obstacle == MadeByHand()
    assert fault.value.remedy == (warden("adopt", bench.name, cluster="coulombcore"),)
    assert set(bench.live_secret()["data"]) == {"API_KEY", "MORE"}


def test_a_cluster_store_is_limited_to_the_tenants_namespace(bench):
    delivery = Delivery(external_secret=f"{bench.namespace}/{bench.name}", store=f"ClusterSecretStore/{bench.name}")
    bench.change(deliveries={"coulombcore": delivery})
    bench.ready().deploy()
    try:
        proof = bench.prove()
        assert proof.state == "proven", bench.shown(proof)
        other = bench.unique("other")
        bench.handle().must("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
        bench.made.append(("coulombcore", other))
        theirs = bench.handle().must("GET", bench.url("externalsecret", bench.name))
        body = {"apiVersion": theirs["apiVersion"], "kind": "ExternalSecret", "metadata": {"name": "steal"}}
        bench.handle().must("POST", bench.url("externalsecret", namespace=other), body | {"spec": theirs["spec"]})
        where = bench.url("externalsecret", "steal", other)
        said = bench.until(lambda: bench.handle().must("GET", where).get("status", {}).get("conditions"))
        assert said[0]["status"] == "False"
    finally:
        bench.handle().must("DELETE", f"/apis/external-secrets.io/v1/clustersecretstores/{bench.name}")


def test_the_operators_shared_account_is_possible_and_said(bench):
    """Then the audit log names the operator's account, and not the workload."""
    shared = WorkloadReader(workload=Workload("external-secrets", "external-secrets"))
    delivery = Delivery(
        external_secret=f"{bench.namespace}/{bench.name}",
        store=f"ClusterSecretStore/{bench.name}",
        reader=shared.workload,
    )
    role = f"shared-{bench.name}"
    reader = WorkloadReader(workload=shared.workload, role=role)
    bench.change(readers=(reader,), deliveries={"coulombcore": delivery})
    bench.ready().deploy()
    try:
        assert SharedAccount(account=str(shared.workload), namespace=bench.namespace) in bench.plan_there().notes
        proof = bench.prove()
        # the embedded operator is outside of its cluster, and logs in with a token that does not end
        assert bench.found(proof, "wrong") == {"token-secrets"}, bench.shown(proof)
        assert not bench.found(proof, "inconclusive"), bench.shown(proof)
        shared_account = bench.verdict(proof, "shared-account")
        assert (shared_account.result, shared_account.observed) == ("ok", "shared")
        assert shared_account.detail == SharedAccount(account=str(shared.workload), namespace=bench.namespace)
    finally:
        bench.handle().must("DELETE", f"/apis/external-secrets.io/v1/clustersecretstores/{bench.name}")


def test_two_fields_are_delivered_and_compared_each(bench):
    custody = Custody(path=bench.lane.custody.path, fields=("API_KEY", "SIGNING_KEY"))
    bench.change(custody=custody)
    bench.tenant()
    bench.apply()
    bench.put()
    bench.put("another-secret-of-it", "SIGNING_KEY")
    bench.synced()
    bench.deploy()
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    bench.handle().stop_eso()
    try:
        bench.edit("secret", bench.name, lambda found: found["data"].update(SIGNING_KEY="Zm9yZ2Vk"))
        proof = bench.prove(patience=1.0)
    finally:
        bench.handle().start_eso()
    assert bench.found(proof, "wrong") == set()
    assert bench.found(proof, "inconclusive") == {"synced", "handed-out", "value"}


def test_yaml_is_what_the_api_server_gets(bench):
    documents = list(yaml.safe_load_all(dump(manifests(bench.target(), bench.reached))))
    assert documents == [json.loads(json.dumps(each)) for each in manifests(bench.target(), bench.reached)]


def test_rights_that_are_missing_are_a_refusal_of_the_cluster(bench):
    bench.tenant()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}}
    bench.create("serviceaccount", account)
    kube = bench.kube_as("nobody")
    with pytest.raises(Refused, match="cannot get"):
        kube.get(external_secret_of(bench.target()))
