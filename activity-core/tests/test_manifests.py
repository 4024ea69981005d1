"""The CronJob asks for what the program reads, at 07:20 in Berlin, and never twice at a time."""

import re
from pathlib import Path

import pytest
import yaml

from activity_core.commands.triage import command
from activity_core.core.errors import Exit

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s" / "activity-core-triage"
SOURCE = Path(__file__).parent.parent / "src" / "activity_core"


def manifest(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


@pytest.fixture(scope="module")
def job():
    return manifest("cronjob")["spec"]


@pytest.fixture(scope="module")
def pod(job):
    return job["jobTemplate"]["spec"]["template"]["spec"]


def test_at_0720_in_berlin_and_not_twice_at_a_time(job):
    assert (job["schedule"], job["timeZone"], job["concurrencyPolicy"]) == ("20 7 * * *", "Europe/Berlin", "Forbid")


def test_the_pod_has_no_rights_and_writes_only_its_record(pod):
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["record"]


def test_what_it_sets_is_what_the_program_reads(pod):
    (container,) = pod["containers"]
    given = {each["name"] for each in container["env"]}
    (generated,) = manifest("kustomization")["configMapGenerator"]
    given |= {literal.partition("=")[0] for literal in generated["literals"]}
    text = "".join(path.read_text() for path in SOURCE.rglob("*.py")) + " ".join(container["args"])
    assert [name for name in given if not re.search(rf"\b{name}\b", text)] == []
    options = {option for parameter in command.params for option in parameter.opts}
    assert {each for each in container["args"] if each.startswith("--")} <= options


def test_the_record_and_the_token_are_where_they_are_mounted(pod):
    (container,) = pod["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    for name in ("ACTIVITY_CORE_RECORD", "LLM_CONNECT_TOKEN_FILE"):
        (value,) = [each["value"] for each in container["env"] if each["name"] == name]
        assert any(value.startswith(f"{mount}/") for mount in mounts)


def test_only_exit_codes_that_can_change_are_retried(job):
    never = job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"]
    assert sorted(never) == [Exit.NO, Exit.USAGE, Exit.REFUSED]


def test_every_file_is_in_the_kustomization():
    listed = set(manifest("kustomization")["resources"]) | {"kustomization.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == listed


def test_the_pods_have_the_label_that_the_network_policy_selects():
    (labels,) = manifest("kustomization")["labels"]
    assert labels["includeTemplates"] is True
    assert manifest("network-policy")["spec"]["podSelector"]["matchLabels"].items() <= labels["pairs"].items()
