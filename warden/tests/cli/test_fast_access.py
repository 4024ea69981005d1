"""The short way reads what click reads, and nothing else."""

import subprocess
import sys
import time

import click
import pytest

from warden.cli import main
from warden.cli.fast_access import Call, read
from warden.cli.main import warden

BOTH = [
    "access lane -- cmd",
    "access lane -- cmd --json -- x --as fd",
    "access open router key -- cmd",
    "--platform dir access lane -- cmd",
    "--platform=dir access lane -- cmd",
    "access lane --as fd -- cmd",
    "access --as=fd lane -- cmd",
    "access --as fd --as env lane -- cmd",
    "access lane --reason why -- cmd",
    "access lane --reason=why=not -- cmd",
    "access --reason --json lane -- cmd",
    "access lane --token-file /x --json -- cmd",
]

CLICKS = [
    "",
    "access lane",
    "access lane --fetch F",
    "access lane --",
    "access -- cmd",
    "access lane --as banner -- cmd",
    "access lane --as -- cmd",
    "access lane --bad -- cmd",
    "access lane -j -- cmd",
    "access lane --help -- cmd",
    "access lane --fetch F -- cmd",
    "access lane --force -- cmd",
    "access lane --platform x -- cmd",
    "--platform -- access lane -- cmd",
    "--version access lane -- cmd",
    "plan lane -- cmd",
    "-- access lane cmd",
]


def by_click(argv: list[str], monkeypatch) -> Call:
    """What click makes of it: the call that its command would run."""
    caught: list[Call] = []
    monkeypatch.setattr("warden.cli.access.run", lambda call: caught.append(call) or 0)
    warden.main(argv, standalone_mode=False)
    return caught[0]


@pytest.mark.parametrize("line", BOTH)
def test_both_read_the_same(line, monkeypatch):
    argv = line.split(" ")
    short = read(argv)
    assert short is not None
    assert short == by_click(argv, monkeypatch)


@pytest.mark.parametrize("line", CLICKS)
def test_what_is_not_plainly_right_is_left_to_click(line):
    assert read(line.split(" ")) is None


def test_every_option_of_the_command_is_known_to_the_short_way_or_left_to_click():
    command = warden.get_command(click.Context(warden), "access")
    names = {name for option in command.params for name in option.opts if name.startswith("--")}
    assert names == {"--as", "--reason", "--token-file", "--json", "--fetch", "--force"}
    assert main.COMMANDS["access"][0] == "warden.cli.access"


HEAVY = {
    *("click", "yaml", "ssl", "http", "inspect", "typing_extensions", "logging", "subprocess", "pathlib", "asyncio"),
    *("rich", "rapidfuzz", "cryptography", "cedarpy", "dataclasses", "urllib", "difflib", "hashlib", "email"),
    *("secret_scan", "kingfisher_sdk"),
}

LOADED = """
import os, sys
os.execve = lambda *_: (print(" ".join(sys.modules)), sys.exit(0))
sys.argv = ["warden", "access", sys.argv[1], "--", "true"]
from warden.cli.entrypoint import run
run()
"""


def test_the_short_way_loads_little(lane_world):
    env = lane_world.env(BAO_TOKEN=lane_world.token())
    time.sleep(1.1)  # a file that has been left alone for a second is kept compiled
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-I", "-c", LOADED, lane_world.lane], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "warden.adapters.journal.sqlite" in loaded
    assert loaded & HEAVY == set()


def test_whoever_needs_typing_extensions_still_finds_it():
    script = "from warden.cli.entrypoint import _spare_typing_extensions as spare; spare(); import typing_extensions"
    subprocess.run([sys.executable, "-c", script], check=True)
