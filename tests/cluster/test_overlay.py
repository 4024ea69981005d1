"""The overlay of llm-connect on a real API server, in a namespace of its own; no kubelet is there, so no pod runs."""

import json
import re
import time
from datetime import UTC, datetime

import overlay
import pytest
import yaml
from overlay import FOLDER, NAMESPACE, SMOKE, container_of, manifests, one, pod_of, volume

pytestmark = [pytest.mark.cluster, pytest.mark.real, pytest.mark.xdist_group("overlay")]
LABELS = {"app.kubernetes.io/name": "llm-connect", "app.kubernetes.io/part-of": "activity-core"}
RESTRICTED = "pod-security.kubernetes.io/enforce"


class Placed(overlay.InNamespace):
    """The overlay and its smoke in a namespace of their own."""

    def __init__(self, cluster, folder):
        super().__init__(cluster, "overlay")
        self.folder = overlay.elsewhere(folder / "overlay", self.namespace)
        self.smoke = self.folder / "smoke"
        # Where accounts are admitted, a pod waits for its own: here as the lane makes it.
        cluster.must(
            "POST", f"/api/v1/namespaces/{self.namespace}/serviceaccounts", {"metadata": {"name": "llm-connect"}}
        )

    def pods(self, name):
        """The pods of that name, as soon as a controller has made one."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = json.loads(self.told("get", "pods", "-o", "json", "-l", f"app.kubernetes.io/name={name}"))["items"]
            if found:
                return found
            time.sleep(0.1)
        pytest.fail(f"no pod was made: {self.told('get', 'events')}")

    def run(self, pod):
        """What a kubelet reports of a pod that is ready."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        state = {"ready": True, "restartCount": 0, "imageID": "", "state": {"running": {"startedAt": now}}}
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            "containerStatuses": [{"name": pod["spec"]["containers"][0]["name"], "image": "llm-connect", **state}],
        }
        name = pod["metadata"]["name"]
        self.told("patch", "pod", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def remove(self):
        self.kubectl("delete", "clusterrole,clusterrolebinding", f"{self.namespace}-token-review", "--ignore-not-found")
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")


@pytest.fixture(scope="module")
def placed(cluster_platform, tmp_path_factory):
    """The overlay and its smoke, applied."""
    made = Placed(cluster_platform.clusters["coulombcore"], tmp_path_factory.mktemp("placed"))
    for folder in (made.folder, made.smoke):
        made.told("apply", "--dry-run=server", "-k", str(folder))
        made.told("apply", "-k", str(folder))
    yield made
    made.remove()


def test_applied_twice_it_changes_nothing(placed):
    for folder, count in ((placed.folder, len(manifests()) + 1), (placed.smoke, len(manifests(SMOKE)))):
        lines = placed.told("apply", "-k", str(folder)).splitlines()
        assert len(lines) == count
        assert [line for line in lines if not line.endswith(" unchanged")] == []


def test_what_is_built_from_the_files_is_all_in_the_namespace_of_the_lane(placed):
    built = list(yaml.safe_load_all(placed.told("kustomize", str(FOLDER))))
    assert {each["metadata"]["namespace"] for each in built if "namespace" in each["metadata"]} == {NAMESPACE}
    (deployment,) = [each for each in built if each["kind"] == "Deployment"]
    assert container_of(deployment)["image"] == "llm-connect:0.1.0"
    assert deployment["spec"]["template"]["metadata"]["labels"] == LABELS
    (config,) = [each for each in built if each["kind"] == "ConfigMap"]
    assert volume(deployment, "config")["configMap"]["name"] == config["metadata"]["name"] != "llm-connect"
    assert list(config["data"]) == ["llm-connect.toml"]


def test_a_pod_comes_that_the_restricted_standard_admits_and_the_rollout_ends(placed):
    (pod,) = placed.pods("llm-connect")
    assert pod["spec"]["containers"][0]["image"] == "llm-connect:0.1.0"
    assert [each for each in pod["spec"]["volumes"] if each["name"].startswith("kube-api-access")] == []
    waiting = placed.kubectl("rollout", "status", "deployment/llm-connect", "--timeout=1s")
    assert waiting.returncode != 0
    placed.run(pod)
    assert "successfully rolled out" in placed.told("rollout", "status", "deployment/llm-connect", "--timeout=60s")


def test_the_smoke_makes_one_pod_that_the_restricted_standard_admits(placed):
    (pod,) = placed.pods("llm-connect-smoke")
    assert pod["spec"]["containers"][0]["args"][0] == "smoke"
    job = json.loads(placed.told("get", "job", "llm-connect-smoke", "-o", "json"))["spec"]
    assert (job["backoffLimit"], job["ttlSecondsAfterFinished"]) == (0, 3600)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda spec: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda spec: spec["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
        (lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"), "unrestricted capabilities"),
    ],
)
def test_a_pod_that_may_more_is_refused_there(placed, change, says):
    (pod,) = placed.pods("llm-connect")
    spec = pod_of(one("Deployment"))
    change(spec)
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "may-more"}, "spec": spec}
    refused = placed.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(body))
    assert refused.returncode == 1, pod["metadata"]["name"]
    assert "violates PodSecurity" in refused.stderr
    assert says in refused.stderr


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("/spec/template/spec/containers/0/ports/0/containerPort", 80800, "containerPort"),
        ("/spec/template/spec/containers/0/volumeMounts/0/name", "nowhere", "volumeMounts[0].name"),
        ("/spec/selector/matchLabels", {"app": "other"}, "selector"),
        ("/spec/strategy", {"type": "Sometimes"}, "strategy"),
    ],
)
def test_a_faulty_value_is_refused_by_the_api_server(placed, tmp_path, path, value, says):
    folder = overlay.elsewhere(tmp_path / "faulty", placed.namespace)
    patch = yaml.safe_dump([{"op": "replace", "path": path, "value": value}])
    document = overlay.kustomization(folder) | {"patches": [{"target": {"kind": "Deployment"}, "patch": patch}]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(document | {"nameSuffix": "-faulty"}))
    refused = placed.kubectl("apply", "--dry-run=server", "-k", str(folder))
    assert refused.returncode == 1
    assert says in refused.stderr


def test_llm_connect_may_ask_whose_token_it_is_and_may_read_no_secret(placed):
    account = f"--as=system:serviceaccount:{placed.namespace}:llm-connect"
    may = placed.kubectl("auth", "can-i", "create", "tokenreviews.authentication.k8s.io", account)
    assert may.stdout.strip() == "yes"
    for verb in ("get", "list"):
        assert placed.kubectl("auth", "can-i", verb, "secrets", account).stdout.strip() == "no"


def test_a_changed_configuration_has_another_name_so_that_it_is_rolled_out(placed, tmp_path):
    copy = overlay.elsewhere(tmp_path / "copy", NAMESPACE)
    with (copy / "llm-connect.toml").open("a") as file:
        file.write("cache_seconds = 30\n")
    names = [
        volume(next(each for each in yaml.safe_load_all(text) if each["kind"] == "Deployment"), "config")["configMap"]
        for text in (placed.told("kustomize", str(FOLDER)), placed.told("kustomize", str(copy)))
    ]
    assert names[0] != names[1]


def test_the_readmes_own_overlay_keeps_the_ledger(placed, tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    overlay.elsewhere(tmp_path / FOLDER.name, NAMESPACE)
    yours = tmp_path / "yours"
    yours.mkdir()
    (yours / "kustomization.yaml").write_text(block)
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "llm-connect-state"}}
    (yours / "claim.yaml").write_text(yaml.safe_dump(claim))
    built = list(yaml.safe_load_all(placed.told("kustomize", str(yours))))
    (deployment,) = [each for each in built if each["kind"] == "Deployment"]
    expected = {"name": "state", "persistentVolumeClaim": {"claimName": "llm-connect-state"}}
    assert volume(deployment, "state") == expected
    assert len(pod_of(deployment)["volumes"]) == len(pod_of(one("Deployment"))["volumes"])


def test_with_the_key_of_versions_nothing_else_changes(placed, tmp_path):
    overlay.elsewhere(tmp_path / FOLDER.name, placed.namespace)
    yours = tmp_path / "yours"
    yours.mkdir()
    said = {"resources": [f"../{FOLDER.name}"], "components": [f"../{FOLDER.name}/version-key"]}
    (yours / "kustomization.yaml").write_text(yaml.safe_dump(said))
    assert "deployment.apps/llm-connect configured" in placed.told("apply", "--dry-run=server", "-k", str(yours))
    built, plain = (
        next(each for each in yaml.safe_load_all(placed.told("kustomize", str(folder))) if each["kind"] == "Deployment")
        for folder in (yours, tmp_path / FOLDER.name)
    )
    assert volume(built, "version-key")["secret"]["secretName"] == "llm-connect-version-key"
    pod_of(built)["volumes"].remove(volume(built, "version-key"))
    for name in ("env", "volumeMounts"):
        own = [each for each in container_of(built)[name] if "version" not in json.dumps(each).lower()]
        container_of(built)[name][:] = own
    assert built == plain
