"""The CronJob of the triage on a real control plane: the API server takes it, the real controllers run it.

The controllers of CronJobs and Jobs are kube-controller-manager's own. What a kubelet would do is done here: the pod's
container runs as a local process with the arguments, the environment and the mounts that the pod has in the cluster,
and its exit code is written into the pod's status. llm-connect is real, and knows its callers by TokenReview.
"""

import base64
import json
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import overlay
import pytest
import yaml
from triage_node import BIN, FOREIGN, Node, serving

pytestmark = [pytest.mark.cluster, pytest.mark.real, pytest.mark.xdist_group("overlay")]
BERLIN, NAME, SECONDS = ZoneInfo("Europe/Berlin"), "activity-core-triage", 90
SAMPLE = overlay.REPOSITORY / "activity-core" / "samples" / "tuesday.json"
RESTRICTED = "pod-security.kubernetes.io/enforce"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class Placed(overlay.InNamespace):
    """The triage's overlay in a namespace of its own."""

    def __init__(self, cluster, folder):
        super().__init__(cluster, "triage")
        self.folder = overlay.triage_elsewhere(folder / "triage", self.namespace)

    def got(self, *argv):
        return json.loads(self.told("get", *argv, "-o", "json"))

    def again(self, name, **changed):
        """Another CronJob with the same specification but for what is changed; None takes a field away."""
        spec = self.got("cronjob", NAME)["spec"] | changed
        spec = {key: value for key, value in spec.items() if value is not None}
        document = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}
        self.told("apply", "-f", "-", stdin=json.dumps(document))

    def last_ran(self, name, moment):
        """Say that it ran at this moment, as the status of a CronJob that has been there for longer would."""
        status = json.dumps({"status": {"lastScheduleTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}})
        self.told("patch", "cronjob", name, "--subresource=status", "--type=merge", "-p", status)

    def jobs_of(self, name):
        jobs = self.got("jobs")["items"]
        return [each for each in jobs if each["metadata"].get("ownerReferences", [{}])[0].get("name") == name]

    def pods_of(self, job):
        return self.got("pods", "-l", f"job-name={job}")["items"]

    def until(self, found, seconds=SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := found():
                return value
            time.sleep(0.2)
        pytest.fail(f"nothing came: {self.told('get', 'events')}")

    def ended(self, pod, code):
        """What a kubelet reports of a pod whose container ended so."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        state = {"terminated": {"exitCode": code, "startedAt": now, "finishedAt": now}}
        told = {"name": "triage", "image": "activity-core", "imageID": "", "ready": False, "restartCount": 0}
        status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [told | {"state": state}]}
        name = pod["metadata"]["name"]
        self.told("patch", "pod", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def token(self, account, audience):
        return self.cluster.token(f"{self.namespace}/{account}", audience=audience)


@pytest.fixture(scope="module")
def placed(cluster_platform, tmp_path_factory):
    made = Placed(next(iter(cluster_platform.clusters.values())), tmp_path_factory.mktemp("triage"))
    for options in (["--dry-run=server"], []):
        made.told("apply", *options, "-k", str(made.folder))
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


def last_0720(now):
    """The last 07:20 in Berlin at or before `now`, by Python's own zones."""
    there = now.astimezone(BERLIN).replace(hour=7, minute=20, second=0, microsecond=0)
    return there if there <= now else (there - timedelta(days=1)).replace(hour=7, minute=20)


def test_applied_twice_it_changes_nothing(placed):
    lines = placed.told("apply", "-k", str(placed.folder)).splitlines()
    assert len(lines) == len(overlay.manifests(overlay.TRIAGE)) + 1
    assert [line for line in lines if not line.endswith(" unchanged")] == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("timeZone", "Europe/Berlim", "timeZone"),
        ("schedule", "20 25 * * *", "schedule"),
        ("concurrencyPolicy", "Never", "concurrencyPolicy"),
    ],
)
def test_a_faulty_value_is_refused_by_the_api_server(placed, field, value, says):
    patch = json.dumps({"spec": {field: value}})
    refused = placed.kubectl("patch", "cronjob", NAME, "--dry-run=server", "--type=merge", "-p", patch)
    assert refused.returncode == 1
    assert says in refused.stderr


def test_a_missed_0720_in_berlin_is_made_up_for_within_two_hours_and_not_later(placed):
    placed.again("however-late", startingDeadlineSeconds=None)
    now = datetime.now(UTC)
    for name in (NAME, "however-late"):
        placed.last_ran(name, now - timedelta(hours=25))
    (job,) = placed.until(lambda: placed.jobs_of("however-late"))
    scheduled = datetime.fromisoformat(job["metadata"]["annotations"][SCHEDULED])
    assert scheduled == last_0720(now)
    assert f"{scheduled:%H:%M %z}" == f"07:20 {last_0720(now):%z}"
    late = (now - last_0720(now)).total_seconds()
    if late < 7100:
        assert len(placed.until(lambda: placed.jobs_of(NAME))) == 1
    elif late > 7300:
        assert placed.jobs_of(NAME) == []


def test_while_one_runs_no_other_one_is_begun(placed):
    placed.again("one-at-a-time", startingDeadlineSeconds=None)
    day_before = datetime.now(UTC) - timedelta(hours=25)
    placed.last_ran("one-at-a-time", day_before)
    placed.until(lambda: placed.got("cronjob", "one-at-a-time")["status"].get("active"))
    placed.again("one-at-a-time", startingDeadlineSeconds=None, schedule="* * * * *")
    placed.last_ran("one-at-a-time", datetime.now(UTC) - timedelta(minutes=5))
    placed.until(lambda: "JobAlreadyActive" in placed.told("get", "events"))
    assert len(placed.jobs_of("one-at-a-time")) == 1


CONFIGURATION = """\
[callers.kubernetes]
audience = "llm-connect"
allow = ["{namespace}/activity-core-triage"]
api_server = "{address}"
token_file = "{folder}/token"
ca_file = "{folder}/ca.crt"
"""


@pytest.fixture(scope="module")
def gateway(placed, tmp_path_factory):
    """llm-connect, which lets in the account of the triage, with the simulated provider; its address."""
    folder, namespace, cluster = tmp_path_factory.mktemp("gateway"), placed.namespace, placed.cluster
    placed.told("create", "serviceaccount", "gateway")
    role = "--clusterrole=system:auth-delegator"
    placed.told("create", "clusterrolebinding", namespace, role, f"--serviceaccount={namespace}:gateway")
    claims = placed.token("gateway", "any").split(".")[1]
    issuer = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
    (folder / "token").write_text(placed.token("gateway", issuer))
    (folder / "ca.crt").write_bytes(authority(cluster))
    text = CONFIGURATION.format(namespace=namespace, address=cluster.address, folder=folder)
    (folder / "llm-connect.toml").write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    command = [BIN / "llm-connect", "serve", "--port", "0", "--config", folder]
    process = subprocess.Popen(
        command,
        env=kept | {"LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER": "simulate"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.communicate(timeout=30)
    placed.kubectl("delete", "clusterrolebinding", namespace)


def authority(cluster):
    """The certificate of the cluster's own authority, as its kubeconfig has it."""
    declared = yaml.safe_load(Path(cluster.kubeconfig).read_text())["clusters"]
    (found,) = {json.dumps(each["cluster"]) for each in declared if each["cluster"]["server"] == cluster.address}
    said = json.loads(found)
    data = said.get("certificate-authority-data")
    return base64.b64decode(data) if data else Path(said["certificate-authority"]).read_bytes()


@pytest.fixture
def node(placed, gateway, tmp_path):
    answers = {"digest": (200, SAMPLE.read_bytes())}
    with serving(answers) as (url, events):
        made = Node(placed, tmp_path / "volumes", gateway, url)
        made.answers, made.events = answers, events
        yield made


def begun(placed, name):
    """A Job of the CronJob by hand, as its README says, and its pod."""
    placed.told("create", "job", f"--from=cronjob/{NAME}", name)
    (pod,) = placed.until(lambda: placed.pods_of(name))
    return pod


def condition(placed, name):
    """The type and reason of what a Job has come to."""
    found = placed.got("job", name).get("status", {}).get("conditions", [])
    return next(((each["type"], each.get("reason")) for each in found if each["type"] in {"Complete", "Failed"}), None)


def test_the_pod_reads_its_digest_asks_llm_connect_with_its_own_token_and_tells_the_hub(placed, node):
    pod = begun(placed, "by-hand")
    assert pod["spec"]["serviceAccountName"] == NAME
    assert [each for each in pod["spec"]["volumes"] if each["name"].startswith("kube-api-access")] == []
    done = node.run(pod)
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"], report["digest"]["candidates"]) == (0, "whole", 15), done.stderr
    assert [event["run"] for event in node.events] == [report["run"]]
    placed.ended(pod, done.returncode)
    placed.until(lambda: condition(placed, "by-hand") == ("Complete", "CompletionsReached"))


ENDS = [
    ("faulty", 1, {"digest": (200, b"{}")}, {}),
    ("misconfigured", 2, {}, {"LLM_CONNECT_TIMEOUT_SECONDS": "many"}),
    ("refused", 4, {}, {"account": "default"}),
]


def failed(placed, node, end):
    """The pod of a run that ends so, once its cluster knows of it."""
    name, code, answers, given = end
    pod = begun(placed, name)
    node.answers.update(answers)
    done = node.run(pod, **given)
    assert (done.returncode, json.loads(done.stderr)["code"]) == (code, code), done.stderr
    placed.ended(pod, code)
    return pod


@pytest.mark.parametrize("end", ENDS, ids=[each[0] for each in ENDS])
def test_what_a_second_try_would_not_help_ends_the_job(placed, node, end):
    name = end[0]
    failed(placed, node, end)
    placed.until(lambda: condition(placed, name) == ("Failed", "PodFailurePolicy"))
    assert len(placed.pods_of(name)) == 1


LATER = [("no-digest", 3, {"digest": (503, b"")}, {}), ("busy", 5, {}, {"busy": True})]


@pytest.mark.parametrize("end", LATER, ids=[each[0] for each in LATER])
def test_what_may_be_right_later_is_tried_again(placed, node, end):
    name, pod = end[0], failed(placed, node, end)
    second = placed.until(
        lambda: [each for each in placed.pods_of(name) if each["metadata"]["uid"] != pod["metadata"]["uid"]]
    )
    assert condition(placed, name) is None
    node.answers["digest"] = (200, SAMPLE.read_bytes())
    assert node.run(second[0]).returncode == 0
    placed.ended(second[0], 0)
    placed.until(lambda: condition(placed, name) == ("Complete", "CompletionsReached"))
