"""A planted secret and the callers' tokens show up nowhere: not printed, not logged, not in an argument, not on disk.

Whoever adds a command adds it to `COMMANDS`. Each is run as the reader and as the administrator, as it should be and
with something broken, with Python at its most talkative.
"""

import base64
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from canary import TALKATIVE, Canary, content

from warden.cli import main

COMMANDS = [
    ["access", "LANE"],
    ["access", "LANE", "--json"],
    ["access", "LANE", "--fetch", "API_KEY", "--force"],
    ["access", "LANE", "--fetch", "NOPE", "--json"],
    ["access", "LANE", "--reason", "why", "--", "true"],
    ["access", "LANE", "--as", "fd", "--json", "--", "false"],
    ["access", "LANE", "--token-file", "SA_TOKEN", "--json", "--", "true"],
    ["access", "LANE", "--token-file", "SA_TOKEN_FOR_OTHERS", "--json", "--", "true"],
    ["access", "LANE", "--", "/etc/passwd"],
    ["apply", "LANE", "--take-over", "--json"],
    ["catalog", "check", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["journal", "log", "--json"],
    ["journal", "verify"],
    ["plan", "LANE"],
    ["plan", "--all", "--json"],
    ["prove", "LANE"],
    ["prove", "LANE", "--json"],
    ["put", "LANE", "API_KEY"],
    ["put", "LANE", "NOPE", "--json"],
    ["route", "find", "tests"],
    ["route", "list", "--all", "--json"],
    ["route", "show", "LANE"],
    ["status"],
    ["status", "--json"],
    ["deactivate", "LANE", "--reason", "canary", "--yes"],
    ["reactivate", "LANE", "--reason", "canary", "--yes"],
]

BROKEN = {
    "nothing": {},
    "server gone": {"BAO_ADDR": "http://127.0.0.1:1"},
    "journal unwritable": {"WARDEN_JOURNAL": "/dev/null"},
    "value missing": {},
    "token unknown": {},
}


@pytest.fixture
def world(lane_world):
    """The lane, with files for tokens that lie outside what is searched."""
    outside = lane_world.folder.with_name(lane_world.folder.name + "-outside")
    outside.mkdir()
    lane_world.outside = outside
    for name, audience in (("SA_TOKEN", "openbao"), ("SA_TOKEN_FOR_OTHERS", "kubernetes")):
        (outside / name).write_text(lane_world.server.mint(lane_world.reader, audience=audience))
    (lane_world.folder / "tmp").mkdir()
    return lane_world


def canary_of(world, *tokens: str) -> Canary:
    return Canary(*world.values.values(), *tokens, *(file.read_text() for file in world.outside.iterdir()))


def said(world, argv: list[str], token: str, broken: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    names = {"LANE": world.lane} | {file.name: str(file) for file in world.outside.iterdir()}
    env = world.env(BAO_TOKEN=token, TMPDIR=str(world.folder / "tmp"), **TALKATIVE) | broken
    return subprocess.run(
        ["warden", *(names.get(word, word) for word in argv)],
        env=env,
        cwd=world.folder,
        capture_output=True,
        check=False,
        timeout=60,
        input=world.values["API_KEY"].encode(),
    )


@pytest.mark.parametrize(("broken", "who"), [("nothing", "reader"), *((each, "admin") for each in BROKEN)])
@pytest.mark.timeout(300)
def test_no_command_shows_a_secret(world, broken, who):
    token = world.token() if who == "reader" else world.server.token("admin")
    canary = canary_of(world, token)
    if broken == "value missing":
        world.fill({"API_KEY": world.values["API_KEY"]})
    used = token + "x" if broken == "token unknown" else token
    for argv in [each for each in COMMANDS if importlib.util.find_spec(main.COMMANDS[each[0]][0])]:
        done = said(world, argv, used, BROKEN[broken])
        fetched = "--fetch" in argv and done.returncode == 0
        where = f"{' '.join(argv)} ({who}, {broken})"
        canary.look(f"stdout of {where}", b"" if fetched else done.stdout)
        canary.look(f"stderr of {where}", done.stderr)
        assert b"Traceback" not in done.stderr, (where, done.stderr.decode())
    canary.look_below(world.folder)


def test_the_canary_sees_what_is_there(world):
    canary = canary_of(world)
    with pytest.raises(AssertionError):
        canary.look("here", base64.b64encode(b"key=" + world.values["API_KEY"].encode() + b";"))
    with pytest.raises(AssertionError):
        canary.look("there", world.values["SIGNING_KEY"].encode().hex().encode())
    (world.folder / "tmp" / "leak").write_text(world.values["API_KEY"])
    with pytest.raises(AssertionError):
        canary.look_below(world.folder)


@pytest.mark.parametrize("via", ["env", "fd"])
def test_no_argument_of_any_process_and_no_file_while_the_command_runs(world, via):
    script = "print('up', flush=True); import time; time.sleep(60)"
    file = str(world.outside / "SA_TOKEN")
    process = subprocess.Popen(
        ["warden", "access", world.lane, "--as", via, "--token-file", file, "--", sys.executable, "-c", script],
        env=world.env(TMPDIR=str(world.folder / "tmp")),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        canary = canary_of(world)
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            canary.look(str(line), content(line))
        names = [os.readlink(fd) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        canary.look("names of open files", "\n".join(names).encode())
        environment = content(Path(f"/proc/{process.pid}/environ"))
        assert (world.values["API_KEY"].encode() in environment) == (via == "env")
        canary_of_token = Canary(Path(file).read_text())
        canary_of_token.look("the command's environment", environment)
        canary.look_below(world.folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
