"""Each child process gets what it needs: not warden's standard input, token or descriptors, and nothing stale."""

import json
import sys

import pytest

TELL = """\
import json, os, sys
told = {"stdin": sys.stdin.read(), "env": dict(os.environ), "fds": sorted(map(int, os.listdir("/proc/self/fd")))}
open(sys.argv[1], "w").write(json.dumps(told))
"""
SECRETS = {
    "BAO_TOKEN": "hvs.theirs",
    "VAULT_TOKEN": "hvs.theirs",
    "BAO_CLIENT_KEY_BYTES": "hvs.theirs",
    "WARDEN_UNSEAL": "hvs.theirs",
}


@pytest.fixture
def script(lane_world):
    """A program that writes down what it was given, and then prints `printed`."""

    def made(printed: str):
        path = lane_world.folder / "child.py"
        told = lane_world.folder / "told.json"
        path.write_text(f"#!{sys.executable}\n{TELL.replace('sys.argv[1]', repr(str(told)))}print({printed!r})\n")
        path.chmod(0o755)
        return path, lambda: json.loads(told.read_text())

    return made


def expect_nothing_of_ours(told):
    assert told["stdin"] == ""
    assert not {name for name, value in told["env"].items() if "theirs" in value}
    assert told["env"]["HOME"]
    assert told["fds"] == [0, 1, 2, 3], "3 is the listing itself"


def test_the_token_helper_does_not_get_the_value_that_put_reads(lane_world, script):
    path, told = script(lane_world.server.token("admin"))
    (lane_world.folder / "home" / ".bao").write_text(f'token_helper = "{path}"\n')
    theirs = {name: value for name, value in SECRETS.items() if "_TOKEN" not in name and "CLIENT" not in name}
    done = lane_world.run("put", lane_world.lane, "API_KEY", stdin="the-value-of-today", **theirs)
    assert done.returncode == 0, done.stderr
    expect_nothing_of_ours(told())
    path.write_text(f"#!/bin/sh\necho {lane_world.token()}\n")
    assert lane_world.run("access", lane_world.lane, "--fetch", "API_KEY").stdout == "the-value-of-today"


def test_the_audit_command_gets_no_token(lane_world, script):
    path, told = script("")
    token = lane_world.server.token("admin")
    done = lane_world.run(
        "prove",
        lane_world.lane,
        "--audit-command",
        str(path),
        stdin="not for it",
        BAO_TOKEN=token,
        WARDEN_UNSEAL="theirs",
    )
    assert done.returncode in {1, 3}, done.stderr
    expect_nothing_of_ours(told())
    assert token not in json.dumps(told())


@pytest.mark.parametrize("via", ["env", "fd"])
def test_the_command_gets_its_fields_in_one_form_and_nothing_stale(lane_world, script, via):
    path, told = script("")
    stale = {"API_KEY": "stale", "API_KEY_FILE": "/stale", "SIGNING_KEY_FILE": "/stale", "OTHER_FILE": "/kept"}
    changed = SECRETS | stale | {"BAO_TOKEN": lane_world.token()}
    del changed["BAO_CLIENT_KEY_BYTES"]  # without its certificate it is an error
    done = lane_world.run("access", lane_world.lane, "--as", via, "--", str(path), stdin="for it", **changed)
    assert done.returncode == 0, done.stderr
    env = told()["env"]
    fields = {name: value for name, value in env.items() if name.startswith(("API_KEY", "SIGNING_KEY"))}
    if via == "env":
        assert fields == lane_world.values
        assert told()["fds"] == [0, 1, 2, 3]
    else:
        assert sorted(fields) == ["API_KEY_FILE", "SIGNING_KEY_FILE"]
        assert all(value.startswith("/proc/self/fd/") for value in fields.values())
        assert len(told()["fds"]) == 4 + len(fields)
    assert env["OTHER_FILE"] == "/kept"
    assert not env.keys() & SECRETS.keys()
    assert told()["stdin"] == "for it"
