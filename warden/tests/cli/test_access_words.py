"""Which words of ``warden access`` are warden's, which are the command's, and what loading costs."""

import subprocess
import sys
import time

import click
import pytest

from warden.cli.main import warden

USUAL = {
    "need": ("lane",),
    "fetch": None,
    "force": False,
    "via": "env",
    "reason": "",
    "token_file": None,
    "role_id": None,
    "secret_id_file": None,
    "wait": False,
    "timeout": None,
    "as_json": False,
}

READ = [
    ("lane -- cmd", {}, ["cmd"]),
    ("lane -- cmd --json -- x --as fd", {}, ["cmd", "--json", "--", "x", "--as", "fd"]),
    ("open router key -- cmd", {"need": ("open", "router", "key")}, ["cmd"]),
    ("lane --as fd -- cmd", {"via": "fd"}, ["cmd"]),
    ("--as=fd lane -- cmd", {"via": "fd"}, ["cmd"]),
    ("--as fd --as env lane -- cmd", {}, ["cmd"]),
    ("lane --reason why -- cmd", {"reason": "why"}, ["cmd"]),
    ("lane --reason=why=not -- cmd", {"reason": "why=not"}, ["cmd"]),
    ("--reason --json lane -- cmd", {"reason": "--json"}, ["cmd"]),
    ("lane --token-file /x --json -- cmd", {"token_file": "/x", "as_json": True}, ["cmd"]),
    ("lane --fetch F -- cmd", {"fetch": "F"}, ["cmd"]),
    ("lane --force -- cmd", {"force": True}, ["cmd"]),
    ("lane --wait --timeout 90s -- cmd --wait", {"wait": True, "timeout": 90.0}, ["cmd", "--wait"]),
    ("lane --", {}, []),
    ("lane", {}, None),
    ("lane --fetch F", {"fetch": "F"}, None),
]


def read(words: list[str]) -> click.Context:
    command = warden.get_command(click.Context(warden), "access")
    return command.make_context("access", words)


@pytest.mark.parametrize(("line", "given", "command"), READ, ids=[line for line, _, _ in READ])
def test_words_before_the_dashes_are_wardens_and_those_behind_the_commands(line, given, command):
    ctx = read(line.split(" "))
    assert ctx.params == USUAL | given
    assert ctx.meta["command"] == command


@pytest.mark.parametrize(
    "line",
    [
        "-- cmd",
        "lane --as banner -- cmd",
        "lane --as -- cmd",
        "lane --bad -- cmd",
        "lane -j -- cmd",
        "lane --platform x -- cmd",
    ],
)
def test_wrong_words_before_a_command_end_with_125(line):
    with pytest.raises(click.UsageError) as wrong:
        read(line.split(" "))
    assert wrong.value.exit_code == 125
    without = line.split(" ")[: line.split(" ").index("--")]
    with pytest.raises(click.UsageError) as wrong:
        read(without)
    assert wrong.value.exit_code == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--platform -- access lane -- cmd", 125),
        ("-- access lane cmd", 0),
        ("plan lane -- cmd", 2),
        ("--version access lane -- cmd", 0),
        ("access lane --help -- cmd", 0),
        ("--platform nowhere access lane -- cmd", 125),
        ("--platform=nowhere access lane -- cmd", 125),
    ],
)
def test_the_options_of_warden_itself_come_before_its_command(lane_world, line, code):
    assert lane_world.run(*line.split(" ")).returncode == code


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_runs_with_closed_streams(lane_world, closed):
    file = lane_world.folder / "ran"
    line = f"warden access {lane_world.lane} -- touch {file} {closed}"
    done = subprocess.run(["bash", "-c", line], env=lane_world.env(BAO_TOKEN=lane_world.token()), check=False)
    assert done.returncode == 0
    assert file.exists()


@pytest.mark.parametrize("argv", ["route show LANE --json", "route list", "access LANE", "help exit-codes"])
def test_a_full_stdout_is_an_error_and_3(lane_world, argv):
    line = f"warden {argv.replace('LANE', lane_world.lane)} >/dev/full"
    done = subprocess.run(["bash", "-c", line], env=lane_world.env(), stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "warden: stdout cannot be written (no space left on device)."


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_141_and_says_nothing(lane_world, unbuffered):
    line = f"set -o pipefail; (sleep 1; warden route show {lane_world.lane} --json) | true"
    env = lane_world.env(PYTHONUNBUFFERED=unbuffered)
    done = subprocess.run(["bash", "-c", line], env=env, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


HEAVY = {
    *("yaml", "ssl", "http", "logging", "subprocess", "pathlib", "asyncio", "rich", "rapidfuzz", "cryptography"),
    *("cedarpy", "dataclasses", "urllib", "difflib", "hashlib", "email", "httpx2"),
    *("secret_scan", "click.shell_completion", "warden.core.plans.plan", "warden.core.openbao.resources"),
}

LOADED = """
import os, sys
os.execve = lambda *_: (print(" ".join(sys.modules)), os._exit(0))
sys.argv = ["warden", "access", sys.argv[1], "--", "true"]
from warden.cli.entrypoint import run
run()
"""


def test_a_command_is_run_without_loading_heavy_packages(lane_world):
    env = lane_world.env(BAO_TOKEN=lane_world.token(), PYTHONUNBUFFERED="1")
    time.sleep(1.1)  # a file that has been left alone for a second is kept compiled
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", LOADED, lane_world.lane], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "warden.adapters.journal.sqlite" in loaded
    assert loaded & HEAVY == set()
