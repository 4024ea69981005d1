"""The way of a value, on real parts: OpenBao, External Secrets Operator, Secret; in each of two clusters."""

import base64
import json
import secrets
import time

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.real]
APPLY = "application/apply-patch+yaml"


def arrange(platform, cluster, kind, namespace):
    """A namespace with a reader, its role and a value, and a store of that kind with an ExternalSecret; the value."""
    value = f"value-{secrets.token_hex(12)}"
    cluster.must("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    cluster.must("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "api"}})
    path = f"workloads/{namespace}/api"
    platform.must("POST", f"platform/data/{path}", {"data": {"API_KEY": value}})
    policy = f'path "platform/data/{path}" {{ capabilities = ["read"] }}'
    platform.must("PUT", f"sys/policies/acl/read-{namespace}", {"policy": policy})
    role = {
        "bound_service_account_names": "api",
        "bound_service_account_namespaces": namespace,
        "audience": "openbao",
        "token_policies": f"read-{namespace}",
    }
    platform.must("POST", f"auth/{cluster.auth_mount}/role/{namespace}", role)
    account = {"name": "api", "audiences": ["openbao"]} | ({"namespace": namespace} if kind != "SecretStore" else {})
    login = {"mountPath": cluster.auth_mount, "role": namespace, "serviceAccountRef": account}
    vault = {"server": platform.address, "path": "platform", "version": "v2", "auth": {"kubernetes": login}}
    v1 = {"apiVersion": "external-secrets.io/v1"}
    store = {**v1, "kind": kind, "metadata": {"name": namespace}, "spec": {"provider": {"vault": vault}}}
    inside = "/apis/external-secrets.io/v1" + (f"/namespaces/{namespace}" if kind == "SecretStore" else "")
    cluster.must("POST", f"{inside}/{kind.lower()}s", store)
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": kind, "name": namespace},
        "target": {"name": "delivered"},
        "data": [{"secretKey": "API_KEY", "remoteRef": {"key": path, "property": "API_KEY"}}],
    }
    body = {**v1, "kind": "ExternalSecret", "metadata": {"name": "delivered"}, "spec": spec}
    cluster.must("POST", f"/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets", body)
    return value


def delivered(cluster, namespace, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, found = cluster.admin("GET", f"/api/v1/namespaces/{namespace}/secrets/delivered")
        if status == 200 and found.get("data"):
            return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}
        time.sleep(0.05)
    return None


@pytest.mark.parametrize("kind", ["SecretStore", "ClusterSecretStore"])
@pytest.mark.parametrize("name", ["coulombcore", "railiance01"])
def test_a_value_arrives_in_the_cluster_and_the_audit_log_names_the_workload(cluster_platform, name, kind):
    cluster = cluster_platform.clusters[name]
    namespace = f"team-{secrets.token_hex(4)}"
    try:
        value = arrange(cluster_platform, cluster, kind, namespace)
        assert delivered(cluster, namespace) == {"API_KEY": value}
    finally:
        # The operator would log in to a store that is left over every five seconds.
        cluster.admin("DELETE", f"/apis/external-secrets.io/v1/clustersecretstores/{namespace}")
        cluster.leave(namespace)
    with open(cluster_platform.audit_file, encoding="utf-8") as log:
        whole = [line for line in log if line.endswith("\n")]  # not one that is being written
    lines = [json.loads(line) for line in whole if f"platform/data/workloads/{namespace}/api" in line]
    reads = [each for each in lines if each["request"]["operation"] == "read"]
    assert {each["auth"]["display_name"] for each in reads} == {f"{cluster.auth_mount}-{namespace}-api"}
