"""``warden dev`` with clusters, typed as a person would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from cluster_platform import OURS

pytestmark = [pytest.mark.real, OURS]
WARDEN = str(Path(sys.executable).with_name("warden"))
clusters = pytest.mark.cluster


def environment(state, **more):
    kept = {name: os.environ[name] for name in ("XDG_CACHE_HOME",) if name in os.environ}
    return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "WARDEN_STATE": str(state), **kept, **more}


def run(state, *arguments, **environ):
    command = [WARDEN, *arguments]
    both = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "timeout": 90}
    return subprocess.run(command, check=False, env=environment(state, **environ), **both)


@pytest.fixture
def state(cluster_platform):
    return cluster_platform.state


@clusters
def test_up_again_names_each_cluster_and_its_mount(state, cluster_platform):
    done = run(state, "dev", "up")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith(f"is up already: {cluster_platform.address} (pid ")
    assert done.stdout.splitlines()[1:] == [
        f"  {name}: {cluster.address}, logs in at auth/{cluster.auth_mount}"
        for name, cluster in cluster_platform.clusters.items()
    ]
    assert done.stderr == 'Next: eval "$(warden dev env)"\n'


@clusters
def test_status_lists_every_process_and_its_code_says_whether_all_answer(state, cluster_platform):
    cluster = cluster_platform.clusters["coulombcore"]
    done = run(state, "dev", "status")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("coulombcore")][-1] == [
        "coulombcore",
        "external-secrets",
        "answers",
    ]
    cluster.stop_eso()
    try:
        silent = run(state, "dev", "status")
        assert silent.returncode == 1
        assert silent.stderr == "Next: warden dev up\n"
        found = json.loads(run(state, "dev", "status", "--json").stdout)
    finally:
        cluster.start_eso()
    assert (found["up"], found["ca_file"]) == (True, cluster_platform.ca)
    parts = {part["name"]: part for part in found["clusters"][0]["parts"]}
    assert parts["external-secrets"]["pid"] == 0
    assert not parts["external-secrets"]["answers"]
    assert parts["kube-apiserver"]["answers"]


@clusters
@pytest.mark.parametrize("shell", ["sh", "fish"])
def test_env_names_the_authority_and_the_kubeconfig(state, cluster_platform, shell):
    lines = run(state, "dev", "env", "--shell", shell).stdout
    assert cluster_platform.ca in lines
    assert f"{state}/dev/kubeconfig" in lines


@clusters
def test_bao_and_kubectl_work_with_what_env_says(state, cluster_platform):
    kubectl = cluster_platform.clusters["coulombcore"].kubectl("version", "--client").args[0]
    bin_of_bao = Path(sys.executable).parent
    script = (
        f'eval "$({WARDEN} dev env --as admin)"; {bin_of_bao}/bao token lookup -format=json && {kubectl} auth whoami'
    )
    done = subprocess.run(["sh", "-c", script], env=environment(state), capture_output=True, text=True, check=True)
    assert "system:serviceaccount:warden:warden" in done.stdout
    assert '"display_name": "userpass-admin"' in done.stdout


@clusters
def test_a_cluster_makes_the_token_of_a_workload(state, cluster_platform):
    bound = {"bound_service_account_names": "default", "bound_service_account_namespaces": "default"}
    path = "auth/kubernetes-railiance01/role/from-the-command-line"
    cluster_platform.must("POST", path, {**bound, "audience": "openbao"})
    made = run(state, "dev", "token", "default/default", "--cluster", "railiance01")
    body = {"role": "from-the-command-line", "jwt": made.stdout}
    assert cluster_platform.call("POST", "auth/kubernetes-railiance01/login", body, token=None)[0] == 200
    missing = run(state, "dev", "token", "default/nobody")
    assert missing.returncode == 1
    assert "coulombcore has no service account default/nobody" in missing.stderr
    short = run(state, "dev", "token", "default/default", "--ttl", "90s")
    assert short.returncode == 2
    assert "10 minutes at least" in short.stderr
    assert run(state, "dev", "token", "default/default", "--cluster", "nope").returncode == 1


@clusters
def test_a_bare_option_is_coulombcore_and_ctrl_c_ends_what_was_started(tmp_path):
    child = pexpect.spawn(WARDEN, ["dev", "up", "--cluster"], env=environment(tmp_path), encoding="utf-8", timeout=60)
    child.expect("coulombcore: kube-apiserver starting")
    child.sendintr()
    child.expect("warden: interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    found = json.loads(run(tmp_path, "dev", "status", "--json").stdout)
    assert found["pid"] == 0
    assert [part["pid"] for part in found["clusters"][0]["parts"]] == [0, 0, 0, 0]
    assert run(tmp_path, "dev", "down", "--wipe", "--yes").returncode == 0


def test_without_go_nothing_is_started_and_the_next_step_is_named(tmp_path):
    done = run(tmp_path, "dev", "up", "--cluster", PATH="/nowhere", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert said[0].startswith("warden: the programs of a cluster are built with Go 1.")
    assert said[0].endswith("and there is no go on PATH. Nothing was done.")
    assert said[1].strip().startswith("install Go")
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize("name", ["Bad", "a_b", "a,a-admin", "x" * 64])
def test_a_name_that_no_cluster_can_have_is_wrong_usage(tmp_path, name):
    done = run(tmp_path, "dev", "up", "--cluster", name)
    assert done.returncode == 2
    assert "is not a valid name of a cluster. Nothing was done." in done.stderr
    assert not (tmp_path / "dev").exists()


@clusters
def test_up_again_leaves_the_context_that_somebody_chose(state, cluster_platform):
    path = Path(next(iter(cluster_platform.clusters.values())).kubeconfig)
    before = path.read_text()
    chosen = f"{next(reversed(cluster_platform.clusters))}-admin"
    first = before.partition("current-context:")[2].split()[0]
    assert first != chosen
    path.write_text(before.replace(f"current-context: {first}", f"current-context: {chosen}"))
    try:
        assert run(state, "dev", "up").returncode == 0
        assert f"current-context: {chosen}" in path.read_text()
        path.write_text(before.replace(f"current-context: {first}", "current-context: gone"))
        assert run(state, "dev", "up").returncode == 0
        assert f"current-context: {first}" in path.read_text()
    finally:
        path.write_text(before)
