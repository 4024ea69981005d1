"""The demo is what a stranger types first: it has to end well, and leave nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def remains(directory: Path) -> list[str]:
    """Directories of the demo, and processes that still name one."""
    found = [str(path) for path in directory.glob("warden-demo-*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return found


def gone(directory: Path) -> bool:
    """Whether nothing remains, within the seconds that the servers need to end."""
    deadline = time.monotonic() + 30
    while remains(directory) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not remains(directory)


def start(directory: Path, demo: str = "demo.run") -> subprocess.Popen[str]:
    environment = os.environ | {"TMPDIR": str(directory), "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", demo],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_demo_ends_well_and_leaves_nothing(tmp_path):
    process = start(tmp_path)
    told, _ = process.communicate(timeout=110)
    assert process.returncode == 0, told
    for expected in (
        "FAIL nobody else reaches it: auth/approle/role/nightly-report",
        "fix: bao write auth/approle/role/nightly-report token_policies=",
        "FAIL reads a sibling path",
        "502, provider_key_refused, provider_status 401",
        "Nothing was read and llm-connect was not started.",
        "found in 0",
        "\nThe last verdict: proven: ",
    ):
        assert expected in told, told
    assert verdicts(told) == ["proven", "refuted", "proven", "refuted", "proven"], told
    assert "Traceback" not in told
    assert "review it every" not in told
    assert gone(tmp_path)


@pytest.mark.timeout(240)  # two proofs and ten programs: half a minute on a machine of its own
def test_the_demo_of_ssh_ends_well_and_leaves_nothing(tmp_path):
    process = start(tmp_path, "demo.ssh")
    told, _ = process.communicate(timeout=230)
    assert process.returncode == 0, told
    for expected in (
        "\n   inside\n   Accepted publickey for ",
        "Certificate invalid: expired",
        "Certificate does not contain an authorized principal",
        "not from a permitted source address",
        "Certificate invalid: not a user certificate",
        "refused in 16 ways",
        "revoked by file ",
        "\n   refused ",
        "signed checkpoint",
    ):
        assert expected in told, told
    assert verdicts(told) == ["proven", "proven"], told
    assert "Traceback" not in told
    assert gone(tmp_path)


def verdicts(told: str) -> list[str]:
    """What each proof came to; a proven one counts as many as it asked."""
    found = re.findall(r"^ +(proven|refuted|inconclusive): (\d+) of (\d+) ", told, re.MULTILINE)
    assert all(word != "proven" or count == total for word, count, total in found), found
    return [word for word, _, _ in found]


@pytest.mark.cluster
def test_the_demo_on_clusters_ends_well_and_leaves_nothing(tmp_path):
    process = start(tmp_path, "demo.cluster")
    told, _ = process.communicate(timeout=230)
    assert process.returncode == 0, told
    whole = " ".join(told.split())
    for expected in (
        "group:interns by rolebinding debugging -n activity-core",
        "> external_secret: activity-core/llm-connect-provider-secrets",
        "outside etcd found in 0",
        "The last verdict: proven: ",
    ):
        assert expected in whole, told
    assert {"proven", "refuted"} <= set(verdicts(told)), told
    assert "Traceback" not in told
    assert gone(tmp_path)


@pytest.mark.cluster
def test_the_demo_of_a_life_ends_well_and_leaves_nothing(tmp_path):
    process = start(tmp_path, "demo.life")
    told, _ = process.communicate(timeout=230)
    assert process.returncode == 0, told
    for expected in (
        "what is there was approved: CCR-2026-0004",
        "status draft -> active",
        "The old value is refused (3 of 3 questions",
        "; 0 failed",
        "the provider refuses it now",
        "every former reader was refused",
        "llm-connect, which still has it: 502",
        "outside etcd found in 0",
    ):
        assert expected in told, told
    assert "Traceback" not in told
    assert gone(tmp_path)


CLUSTERED = pytest.param("demo.cluster", "state/dev/**/etcd/member", marks=pytest.mark.cluster)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("demo", "begun"), [("demo.run", "state/dev/audit/audit.log"), CLUSTERED])
def test_interrupted_it_cleans_up_too(tmp_path, demo, begun, how):
    process = start(tmp_path, demo)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"warden-demo-*/{begun}")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(how)
    time.sleep(0.2)
    process.send_signal(how)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert gone(tmp_path)


@pytest.mark.parametrize(("demo", "begun"), [("demo.run", "state/dev/audit/audit.log"), CLUSTERED])
def test_killed_it_leaves_nothing_either(tmp_path, demo, begun):
    process = start(tmp_path, demo)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"warden-demo-*/{begun}")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=30)
    assert gone(tmp_path)
