"""llm-connect's callers as a real API server knows them: TokenReview over TLS, as an account that may create it."""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("llm-connect-callers")]
PROGRAM = Path(sys.executable).parent / "llm-connect"
CONFIGURATION = """\
[callers.kubernetes]
audience = "llm-connect"
allow = ["{namespace}/caller"]
api_server = "{api_server}"
token_file = "{folder}/token"
ca_file = "{folder}/ca.crt"
"""


@pytest.fixture(scope="module")
def cluster(cluster_platform):
    return next(iter(cluster_platform.clusters.values()))


@pytest.fixture(scope="module")
def namespace(cluster) -> Iterator[str]:
    """With three accounts: the gateway's own, which may review tokens, a caller, and another one."""
    name = f"callers-{os.urandom(4).hex()}"
    cluster.must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for account in ("gateway", "caller", "other", "leaving"):
        cluster.must("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": account}})
    bound = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "namespace": name, "name": "gateway"}],
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    cluster.must("POST", bindings, bound)
    yield name
    cluster.must("DELETE", f"{bindings}/{name}")
    cluster.must("DELETE", f"/api/v1/namespaces/{name}")


@contextmanager
def serving(cluster, namespace: str, folder: Path, *, reviewer: str = "gateway", allow: str = "caller"):
    """A gateway's URL."""
    (folder / "token").write_text(cluster.token(f"{namespace}/{reviewer}", audience=issuer(cluster, namespace)))
    (folder / "ca.crt").write_bytes(authority(cluster))
    file = folder / "llm-connect.toml"
    text = CONFIGURATION.format(namespace=namespace, api_server=cluster.address, folder=folder)
    file.write_text(text.replace("/caller", f"/{allow}"))
    environment = {**os.environ, "LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER": "simulate"}
    command = [PROGRAM, "serve", "--port", "0", "--config", file]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def issuer(cluster, namespace: str) -> str:
    """Who issues the cluster's tokens: unless told otherwise, that is the API server's own audience, too."""
    claims = cluster.token(f"{namespace}/other", audience="any").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]


def authority(cluster) -> bytes:
    """The certificate of the cluster's own authority, as its kubeconfig has it."""
    declared = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    for each in declared["clusters"]:
        if each["cluster"]["server"] == cluster.address:
            found = each["cluster"]
            if "certificate-authority-data" in found:
                return base64.b64decode(found["certificate-authority-data"])
            return Path(found["certificate-authority"]).read_bytes()
    raise AssertionError(cluster.address)


def ask(url: str, token: str) -> tuple[int, Any]:
    """Status, and the `type` of an error."""
    head = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/execute", b'{"prompt": "hello"}', head)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["type"]


def test_who_is_let_in(cluster, namespace, tmp_path):
    with serving(cluster, namespace, tmp_path) as url:
        meant = cluster.token(f"{namespace}/caller", audience="llm-connect")
        elsewhere = cluster.token(f"{namespace}/caller", audience="openbao")
        other = cluster.token(f"{namespace}/other", audience="llm-connect")
        head, claims, signature = meant.split(".")
        forged = f"{head}.{claims}.{signature[::-1]}"
        assert ask(url, meant) == (200, None)
        assert ask(url, elsewhere) == (401, "caller_unknown")
        assert ask(url, other) == (403, "caller_not_allowed")
        assert ask(url, forged) == (401, "caller_unknown")


def test_a_token_of_an_account_that_was_deleted_is_refused(cluster, namespace, tmp_path):
    token = cluster.token(f"{namespace}/leaving", audience="llm-connect")
    cluster.must("DELETE", f"/api/v1/namespaces/{namespace}/serviceaccounts/leaving")
    with serving(cluster, namespace, tmp_path, allow="leaving") as url:
        deadline = time.monotonic() + 90  # the API server has its own cache of tokens that were good: 10 s
        while ask(url, token)[0] == 200 and time.monotonic() < deadline:
            time.sleep(1)
        assert ask(url, token) == (401, "caller_unknown")


def test_a_gateway_that_may_not_review_lets_nobody_in(cluster, namespace, tmp_path):
    token = cluster.token(f"{namespace}/caller", audience="llm-connect")
    with serving(cluster, namespace, tmp_path, reviewer="other") as url:
        assert ask(url, token) == (503, "callers_unverifiable")


def test_an_api_server_that_is_down_lets_in_who_is_known_and_nobody_else(cluster, namespace, tmp_path):
    known = cluster.token(f"{namespace}/caller", audience="llm-connect")
    new = cluster.token(f"{namespace}/caller", audience="llm-connect", ttl=700)
    with serving(cluster, namespace, tmp_path) as url:
        assert ask(url, known) == (200, None)
        cluster.stop_api()
        try:
            assert ask(url, new) == (503, "callers_unverifiable")
            assert ask(url, known) == (200, None)  # for a minute at most
            time.sleep(61)
            assert ask(url, known) == (503, "callers_unverifiable")
        finally:
            cluster.start_api()
        deadline = time.monotonic() + 90
        while ask(url, new)[0] != 200 and time.monotonic() < deadline:
            time.sleep(1)
        assert ask(url, new) == (200, None)
