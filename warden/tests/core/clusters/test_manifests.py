"""The objects that a delivery implies, field by field."""

import base64

import msgspec
import pytest

from warden.core.clusters.manifests import (
    Reached,
    Ref,
    external_secret,
    go_duration,
    manifests,
    ref_of,
    secret_of,
    store_of,
    strangers,
)
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Custody, Delivery, Workload, WorkloadReader

REACHED = Reached(address="https://bao.example:8200")
ESO = Workload("external-secrets", "external-secrets")


@pytest.fixture
def target_of(lane_of):
    """A delivery of a lane: ``target_of(store=…)``; `lane` has what differs in the lane, `cluster` in the cluster."""

    def make(lane=None, cluster=None, **delivery):
        usual = {"external_secret": "tenant/first-secret"}
        declared = DeclaredCluster(context="ctx", **(cluster or {}))
        made = lane_of(deliveries={"here": Delivery(**usual | delivery)}, **(lane or {}))
        return target(made, "here", {"here": declared})

    return make


def one(found, kind, name=""):
    return next(each for each in found if each["kind"] == kind and name in ("", each["metadata"]["name"]))


def vault_of(found, kind="SecretStore"):
    return one(found, kind)["spec"]["provider"]["vault"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (45, "45s"),
        (60, "1m0s"),
        (90, "1m30s"),
        (3599, "59m59s"),
        (3600, "1h0m0s"),
        (3661, "1h1m1s"),
        (90 * 86400, "2160h0m0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds, text):
    assert go_duration(seconds) == text


def test_the_external_secret_comes_last_and_nothing_is_there_twice(target_of):
    refs = [str(ref_of(each)) for each in manifests(target_of(), REACHED)]
    assert refs == [
        "ServiceAccount tenant/first",
        "Role tenant/openbao-token-first",
        "RoleBinding tenant/openbao-token-first",
        "Namespace warden-probe",
        "ServiceAccount tenant/warden-probe",
        "ServiceAccount warden-probe/first",
        "SecretStore tenant/openbao-first",
        "ExternalSecret tenant/first-secret",
    ]
    assert str(ref_of(manifests(target_of(), REACHED, namespace=True)[0])) == "Namespace tenant"


def test_every_object_is_marked_and_the_secret_will_be(target_of):
    found = manifests(target_of(), REACHED)
    assert {each["metadata"]["labels"]["app.kubernetes.io/managed-by"] for each in found} == {"ops-warden"}
    made = one(found, "ExternalSecret")
    assert made["metadata"]["annotations"] == {"ops-warden/lane": "first"}
    assert made["spec"]["target"]["template"]["metadata"] == {
        "annotations": {"ops-warden/lane": "first"},
        "labels": {"app.kubernetes.io/managed-by": "ops-warden"},
    }
    assert one(found, "SecretStore")["metadata"]["annotations"] == {"ops-warden/reader": "tenant/first"}


def test_the_operator_may_ask_for_tokens_of_this_one_account_and_nothing_else(target_of):
    found = manifests(target_of(cluster={"eso": Workload("eso-system", "eso")}), REACHED)
    assert one(found, "Role")["rules"] == [
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["first"], "verbs": ["create"]}
    ]
    assert one(found, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "eso", "namespace": "eso-system"}
    ]
    assert one(found, "RoleBinding")["roleRef"]["name"] == one(found, "Role")["metadata"]["name"]


def test_no_account_hands_its_token_to_its_pods_unasked(target_of):
    accounts = [each for each in manifests(target_of(), REACHED) if each["kind"] == "ServiceAccount"]
    assert len(accounts) == 3
    assert all(each["automountServiceAccountToken"] is False for each in accounts)


def test_a_store_of_the_namespace_names_no_namespace_and_one_of_the_cluster_does(target_of):
    account = vault_of(manifests(target_of(), REACHED))["auth"]["kubernetes"]["serviceAccountRef"]
    assert account == {"name": "first", "audiences": ["openbao"]}
    wide = target_of(store="ClusterSecretStore/openbao-tenant")
    found = manifests(wide, REACHED)
    account = vault_of(found, "ClusterSecretStore")["auth"]["kubernetes"]["serviceAccountRef"]
    assert account == {"name": "first", "audiences": ["openbao"], "namespace": "tenant"}
    assert one(found, "ClusterSecretStore")["spec"]["conditions"] == [{"namespaces": ["tenant"]}]
    assert "namespace" not in one(found, "ClusterSecretStore")["metadata"]
    assert one(found, "ExternalSecret")["spec"]["secretStoreRef"] == {
        "kind": "ClusterSecretStore",
        "name": "openbao-tenant",
    }
    assert store_of(wide) == Ref("ClusterSecretStore", "", "openbao-tenant")


def test_the_store_logs_in_by_the_lanes_role_at_the_clusters_mount(target_of):
    own = {"readers": (WorkloadReader(workload=Workload("tenant", "first"), audience="bao", role="own"),)}
    login = vault_of(manifests(target_of(lane=own, cluster={"auth_mount": "k8s-there"}), REACHED))["auth"]["kubernetes"]
    assert (login["mountPath"], login["role"]) == ("k8s-there", "own")
    assert login["serviceAccountRef"]["audiences"] == ["bao"]


def test_the_operators_own_account_is_neither_made_nor_given_a_right(target_of):
    readers = {"readers": (WorkloadReader(workload=ESO),)}
    found = manifests(target_of(lane=readers, store="ClusterSecretStore/shared", reader=ESO), REACHED)
    assert {each["kind"] for each in found} == {
        "Namespace",
        "ServiceAccount",
        "ClusterSecretStore",
        "ExternalSecret",
    }
    assert "external-secrets" not in {
        each["metadata"]["name"]
        for each in found
        if each["kind"] == "ServiceAccount" and each["metadata"]["namespace"] == "external-secrets"
    }


def test_authorities_go_along_in_base64_and_only_where_there_are_some(target_of):
    assert "caBundle" not in vault_of(manifests(target_of(), REACHED))
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    found = vault_of(manifests(target_of(), msgspec.structs.replace(REACHED, ca=pem)))
    assert base64.b64decode(found["caBundle"]).decode() == pem


def test_an_openbao_namespace_goes_along_only_where_there_is_one(target_of):
    assert "namespace" not in vault_of(manifests(target_of(), REACHED))
    assert vault_of(manifests(target_of(), msgspec.structs.replace(REACHED, namespace="team")))["namespace"] == "team"
    found = vault_of(manifests(target_of(), REACHED))
    assert (found["server"], found["path"], found["version"]) == ("https://bao.example:8200", "platform", "v2")


def test_each_field_is_read_by_its_own_name_below_the_mount(target_of):
    custody = Custody(path="platform/workloads/tenant/first/s", fields=("API_KEY", "SIGNING_KEY"))
    data = external_secret(target_of(lane={"custody": custody}))["spec"]["data"]
    assert [(each["secretKey"], each["remoteRef"]["property"], each["remoteRef"]["key"]) for each in data] == [
        ("API_KEY", "API_KEY", "workloads/tenant/first/s"),
        ("SIGNING_KEY", "SIGNING_KEY", "workloads/tenant/first/s"),
    ]


def test_the_secret_outlives_its_external_secret_and_has_the_same_name(target_of):
    target = external_secret(target_of())["spec"]["target"]
    assert (target["name"], target["creationPolicy"], target["deletionPolicy"]) == ("first-secret", "Owner", "Retain")
    assert external_secret(target_of(), creation="None")["spec"]["target"]["creationPolicy"] == "None"
    assert secret_of(target_of()) == Ref("Secret", "tenant", "first-secret")


def test_strangers_differ_in_the_account_or_in_the_namespace_alone(target_of):
    assert strangers(target_of().reader) == (Workload("tenant", "warden-probe"), Workload("warden-probe", "first"))


def test_nothing_of_a_value_can_be_in_a_manifest(target_of):
    """The ExternalSecret's template has no data: what is delivered is what OpenBao answers."""
    assert "data" not in external_secret(target_of())["spec"]["target"]["template"]
