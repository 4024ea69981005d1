"""The overlay of llm-connect, by its files: in step with the lane, and with itself."""

import json
import tomllib

import overlay
import pytest
import yaml
from overlay import FOLDER, NAMESPACE, SMOKE, container_of, manifests, one, pod_of, volume

from llm_connect.commands.serve import command as serve
from llm_connect.commands.smoke import command as smoke
from llm_connect.config.config_file import load_configuration
from llm_connect.config.ledger_url import LEDGER
from llm_connect.config.settings import VERSION_KEY_FILE
from secret_scan import scan
from warden.adapters.catalog.files import load_catalog


def labels_of(folder):
    """The labels that a kustomization gives its pods."""
    return {key: value for each in overlay.kustomization(folder)["labels"] for key, value in each["pairs"].items()}


GATEWAY, CHECK, TRIAGE = labels_of(FOLDER), labels_of(SMOKE), labels_of(overlay.TRIAGE)


@pytest.fixture(scope="module")
def lane():
    return load_catalog(str(overlay.REPOSITORY / "platform")).lane("openrouter-llm-connect")


def test_it_is_the_folder_and_the_deployment_that_the_lane_names(lane):
    (consumer,) = lane.consumers
    assert consumer.overlay == str(FOLDER.relative_to(overlay.REPOSITORY))
    namespace = overlay.kustomization()["namespace"]
    assert consumer.deployment == f"{namespace}/{one('Deployment')['metadata']['name']}"
    assert overlay.kustomization(SMOKE)["namespace"] == namespace


def test_it_runs_as_the_reader_of_the_lane(lane):
    (reader,) = lane.readers
    pod = pod_of(one("Deployment"))
    assert f"{NAMESPACE}/{pod['serviceAccountName']}" == str(reader.workload)
    (subject,) = one("ClusterRoleBinding")["subjects"]
    assert f"{subject['namespace']}/{subject['name']}" == str(reader.workload)


def test_the_secret_of_every_delivery_is_mounted_as_a_directory_where_the_key_is_looked_for(lane):
    deployment = one("Deployment")
    secret = volume(deployment, "provider")["secret"]
    assert {each.secret for each in lane.deliveries.values()} == {f"{NAMESPACE}/{secret['secretName']}"}
    assert [(item["key"], item["path"]) for item in secret["items"]] == [(field,) * 2 for field in lane.custody.fields]
    assert secret["defaultMode"] == 0o440
    container = container_of(deployment)
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "provider"]
    assert mount == {"name": "provider", "mountPath": "/etc/llm-connect/provider", "readOnly": True}
    given = {each["name"]: each["value"] for each in container["env"]}
    assert given["LLM_CONNECT_KEY_DIRECTORY"] == mount["mountPath"]
    assert given["LLM_CONNECT_CONFIG"] == "/etc/llm-connect/config"


def test_the_smoke_is_the_one_that_the_lane_names(lane):
    (consumer,) = lane.consumers
    program, command, *options = consumer.smoke
    container = container_of(one("Job", SMOKE))
    arguments = container["args"]
    assert (container["image"], arguments[0]) == (program, command)
    assert " ".join(options) in " ".join(arguments)
    service = one("Service")
    (port,) = service["spec"]["ports"]
    url = f"http://{service['metadata']['name']}.{NAMESPACE}.svc.cluster.local:{port['port']}"
    assert arguments[arguments.index("--url") + 1] == url


def test_what_is_the_lanes_is_not_in_it():
    made = {each["kind"] for folder in (FOLDER, SMOKE) for each in manifests(folder)}
    assert made.isdisjoint({"Secret", "ExternalSecret", "SecretStore", "ClusterSecretStore", "Namespace"})
    accounts = [each["metadata"]["name"] for each in manifests(SMOKE) if each["kind"] == "ServiceAccount"]
    assert accounts == ["llm-connect-smoke"]
    assert "ServiceAccount" not in {each["kind"] for each in manifests()}


@pytest.mark.parametrize(("kind", "folder"), [("Deployment", FOLDER), ("Job", SMOKE)])
def test_a_key_has_no_place_but_the_mounted_directory(kind, folder):
    container = container_of(one(kind, folder))
    assert "envFrom" not in container
    environment = container.get("env", [])
    assert [each["name"] for each in environment if "valueFrom" in each] == []
    names = {each["name"] for each in environment}
    assert [each for each in names if any(word in each for word in ("API_KEY", "TOKEN", "SECRET", "PASSWORD"))] == []
    assert [mount for mount in container.get("volumeMounts", []) if {"subPath", "subPathExpr"} & set(mount)] == []


def test_no_file_of_it_holds_secret_material():
    for path in FOLDER.rglob("*"):
        if path.is_file():
            assert scan(path.read_text()) == [], path


@pytest.mark.parametrize(("kind", "folder"), [("Deployment", FOLDER), ("Job", SMOKE)])
def test_the_pod_may_do_as_little_as_it_can(kind, folder):
    pod, container = pod_of(one(kind, folder)), container_of(one(kind, folder))
    user = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001}
    assert pod["securityContext"] == user | {"seccompProfile": {"type": "RuntimeDefault"}}
    hardened = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["securityContext"] == hardened
    assert pod["automountServiceAccountToken"] is False
    assert set(container["resources"]) == {"requests", "limits"}
    written = {each["name"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert written == ({"state", "tmp"} if kind == "Deployment" else set())


def test_one_gateway_at_a_time_that_has_time_to_finish():
    spec = one("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    container = container_of(one("Deployment"))
    delay = int(container["args"][container["args"].index("--drain-delay-seconds") + 1])
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > delay + 25
    probes = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert probes == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}


def token_of(pod):
    """The audience, and the path in the volume, of the token that a pod brings along."""
    sources = [source for each in pod["volumes"] for source in each.get("projected", {}).get("sources", [])]
    (token,) = [each["serviceAccountToken"] for each in sources if "serviceAccountToken" in each]
    return token["audience"], token["path"]


def test_the_triage_and_the_smoke_are_callers_with_tokens_for_it():
    triage = yaml.safe_load((overlay.TRIAGE / "cronjob.yaml").read_text())["spec"]["jobTemplate"]
    allowed = tomllib.loads((FOLDER / "llm-connect.toml").read_text())["callers"]["kubernetes"]
    pods = [pod_of(triage), pod_of(one("Job", SMOKE))]
    assert allowed["allow"] == [f"{NAMESPACE}/{pod['serviceAccountName']}" for pod in pods]
    assert {token_of(pod)[0] for pod in pods} == {allowed["audience"]}


def test_the_smoke_looks_for_its_token_where_it_is_mounted():
    container = container_of(one("Job", SMOKE))
    (mount,) = container["volumeMounts"]
    file = container["args"][container["args"].index("--token-file") + 1]
    assert file == f"{mount['mountPath']}/{token_of(pod_of(one('Job', SMOKE)))[1]}"


@pytest.mark.parametrize(
    ("labels", "namespace", "let_in"),
    [
        (TRIAGE, NAMESPACE, True),
        (CHECK, NAMESPACE, True),
        ({"app": "stranger"}, NAMESPACE, False),
        (TRIAGE, "elsewhere", False),
    ],
)
def test_the_network_lets_in_who_is_part_of_activity_core(labels, namespace, let_in):
    (rule,) = one("NetworkPolicy")["spec"]["ingress"]
    (peer,) = rule["from"]
    assert set(peer) == {"podSelector"}  # without a namespaceSelector: this namespace only (NetworkPolicyPeer)
    selected = peer["podSelector"]["matchLabels"].items() <= labels.items() and namespace == NAMESPACE
    assert selected is let_in
    assert [each["port"] for each in rule["ports"]] == [8080]


def test_out_it_goes_to_names_the_provider_and_the_api_server():
    policy = one("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    names, rest = policy["egress"]
    assert {each["port"] for each in names["ports"]} == {53}
    assert names["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert {(each["port"], each["protocol"]) for each in rest["ports"]} == {(443, "TCP"), (6443, "TCP")}


def test_the_smoke_gets_no_requests_that_are_meant_for_the_gateway():
    selector = one("Service")["spec"]["selector"]
    assert selector.items() <= GATEWAY.items()
    assert labels_of(SMOKE)["app.kubernetes.io/name"] == "llm-connect-smoke"
    assert not selector.items() <= CHECK.items()


def test_the_image_is_named_without_a_registry_and_by_a_version():
    for folder, kind in ((FOLDER, "Deployment"), (SMOKE, "Job")):
        (image,) = overlay.kustomization(folder)["images"]
        assert image == {"name": "llm-connect", "newName": "llm-connect", "newTag": "0.1.0"}
        assert container_of(one(kind, folder))["image"] == image["name"]


def test_what_it_says_is_what_llm_connect_reads():
    assert load_configuration(str(FOLDER)).callers.kubernetes.audience == "llm-connect"
    commands = {"Deployment": serve, "Job": smoke}
    for kind, folder in (("Deployment", FOLDER), ("Job", SMOKE)):
        options = {option for parameter in commands[kind].params for option in parameter.opts}
        assert {each for each in container_of(one(kind, folder))["args"] if each.startswith("--")} <= options
    source = overlay.REPOSITORY / "llm-connect" / "src" / "llm_connect"
    text = "".join(path.read_text() for path in source.rglob("*.py"))
    names = [each["name"] for each in container_of(one("Deployment"))["env"]]
    assert [name for name in names if f'"{name}"' not in text] == []


def test_the_key_of_versions_is_mounted_where_llm_connect_is_told_to_look():
    component = overlay.kustomization(FOLDER / "version-key")
    (patched,) = [yaml.safe_load(each["patch"]) for each in component["patches"]]
    assert patched["metadata"]["name"] == one("Deployment")["metadata"]["name"]
    container = container_of(patched)
    assert container["name"] == container_of(one("Deployment"))["name"]
    (said,), (mount,), (item,) = (
        container["env"],
        container["volumeMounts"],
        volume(patched, mount_of(container))["secret"]["items"],
    )
    assert said == {"name": VERSION_KEY_FILE, "value": f"{mount['mountPath']}/{item['path']}"}
    assert mount["readOnly"] is True


def test_several_replicas_have_a_ledger_that_they_share():
    component = overlay.kustomization(FOLDER / "replicas")
    patched, egress = (yaml.safe_load(each["patch"]) for each in component["patches"])
    base = one("Deployment")
    assert patched["metadata"]["name"] == base["metadata"]["name"]
    assert patched["spec"]["replicas"] > 1
    assert patched["spec"]["strategy"]["type"] == "RollingUpdate"
    container = container_of(patched)
    assert container["name"] == container_of(base)["name"]
    given = {each["name"]: each for each in container["env"]}
    assert set(given) == {LEDGER, "PGPASSWORD", "PGSSLROOTCERT"}
    (mount,), (item,) = container["volumeMounts"], volume(patched, mount_of(container))["configMap"]["items"]
    assert given["PGSSLROOTCERT"]["value"] == f"{mount['mountPath']}/{item['path']}"
    (budget,) = [yaml.safe_load((FOLDER / "replicas" / each).read_text()) for each in component["resources"]]
    assert budget["spec"]["selector"]["matchLabels"].items() <= GATEWAY.items()
    (policy,) = [each for each in component["patches"] if "target" in each]
    assert policy["target"] == {"kind": "NetworkPolicy", "name": one("NetworkPolicy")["metadata"]["name"]}
    assert [(each["op"], each["path"], each["value"]["ports"][0]["port"]) for each in egress] == [
        ("add", "/spec/egress/-", 5432)
    ]


def mount_of(container):
    (mount,) = container["volumeMounts"]
    return mount["name"]


def test_it_runs_the_image_as_the_containerfile_makes_it():
    lines = (overlay.REPOSITORY / "llm-connect" / "Containerfile").read_text().splitlines()
    said = dict(line.split(" ", 1) for line in lines if line.startswith(("USER ", "ENTRYPOINT ", "CMD ", "EXPOSE ")))
    container, user = container_of(one("Deployment")), pod_of(one("Deployment"))["securityContext"]
    assert said["USER"] == f"{user['runAsUser']}:{user['runAsGroup']}"
    assert said["EXPOSE"] == str(container["ports"][0]["containerPort"])
    assert json.loads(said["ENTRYPOINT"]) == ["llm-connect"]
    assert json.loads(said["CMD"]) == container["args"]
