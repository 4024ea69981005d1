"""What a killed program started ends with it, and nothing else does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tools.reaper import of

REPOSITORY = Path(__file__).resolve().parent.parent
PREAMBLE = """
import os, subprocess, sys, time
from pathlib import Path
from tools.reaper import watch
directory = sys.argv[1]
"""
STARTS = """
for where in ({"cwd": directory}, {"env": {"STATE": f"{directory}/state"}}, {}):
    argv = ["sleep", "600"] if where else [sys.executable, "-c", "import time; time.sleep(600)", f"{directory}/x.json"]
    subprocess.Popen(argv, start_new_session=True, **where)
"""


def gone(directory: Path) -> bool:
    """Whether nothing names the directory any more, within some seconds."""
    deadline = time.monotonic() + 20
    while of(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not of(directory)


def started(code: str, directory: Path) -> "subprocess.Popen[str]":
    """A program that runs `code`, and has said that it did."""
    argv = [sys.executable, "-c", f"{PREAMBLE}{code}", str(directory)]
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("killed", [signal.SIGKILL, None])
@pytest.mark.parametrize("option", ["", ", remove=True"])
def test_whatever_it_started_there_ends_with_it(tmp_path, killed, option):
    directory, beside = tmp_path / "mine", tmp_path / "mine-too"
    directory.mkdir()
    beside.mkdir()
    other = subprocess.Popen(["sleep", "600"], cwd=beside)
    try:
        code = f"watch(Path(directory){option})\n{STARTS}\nprint('ready', flush=True); sys.stdin.read()"
        process = started(code, directory)
        assert len(of(directory)) >= 3
        if killed:
            process.send_signal(killed)
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
        assert gone(directory)
        deadline = time.monotonic() + (20 if option else 0.5)
        while directory.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert directory.exists() is not bool(option)
        assert other.poll() is None, "it ended a process of another directory whose name begins alike"
    finally:
        other.kill()
        other.wait()


def test_a_process_that_ignores_sigterm_ends_all_the_same(tmp_path):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    begin = f"subprocess.Popen([sys.executable, '-c', {stubborn!r}, directory], start_new_session=True)"
    process = started(f"watch(Path(directory))\n{begin}\nprint('ready', flush=True); time.sleep(600)", tmp_path)
    time.sleep(0.5)
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert gone(tmp_path)


def test_a_test_run_that_is_killed_leaves_nothing(tmp_path):
    base, module = tmp_path / "base", tmp_path / "test_killed.py"
    module.write_text(
        "import os, subprocess, time\n"
        "def test_it(tmp_path):\n"
        "    subprocess.Popen(['sleep', '600'], cwd=tmp_path, start_new_session=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    options = ["-q", "-p", "reaping", "-p", "no:cacheprovider", f"--basetemp={base}"]
    argv = [sys.executable, "-m", "pytest", *options, str(module)]
    env = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests/plugins"}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stdout
    assert gone(base)
