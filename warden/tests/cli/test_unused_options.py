"""An option that would be ignored, and a value that is empty, are usage errors: nothing is passed over in silence."""

import json

import pytest


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("plan", "LANE", "--custody-only", "--cluster", "here"), "--custody-only asks no cluster"),
        (("apply", "LANE", "--custody-only", "--cluster", "here"), "--custody-only asks no cluster"),
        (("prove", "LANE", "--custody-only", "--cluster", "here"), "--custody-only asks no cluster"),
        (("access", "LANE", "--as", "fd"), "--as has no effect without -- COMMAND"),
        (("access", "LANE", "--reason", "why", "--token-file", "x"), "--reason, --token-file have no effect without"),
        (("access", "LANE", "--force"), "--force has no effect without --fetch"),
        (("access", "LANE", "--fetch", "API_KEY", "--as", "fd"), "--as has no effect without -- COMMAND"),
        (("render", "LANE", "--cluster", "here", "--to", "a/b"), "--to has no effect without --rights"),
        (("prove", "LANE", "--audit-command="), "--audit-command is empty"),
        (("prove", "LANE", "--audit", ""), "--audit is empty"),
        (("plan", "LANE", "--cluster", ""), "--cluster is empty"),
        (("render", "LANE", "--cluster="), "--cluster is empty"),
        (("journal", "log", "--lane="), "--lane is empty"),
        (("dev", "token", "a/b", "--audience", ""), "--audience is empty"),
        (("dev", "up", "--cluster="), "--cluster is empty"),
        (("change", "approve", "ID", "--comment", ""), "--comment is empty"),
        (("evidence", "pack", "LANE", "-o", ""), "-o is empty"),
        (("promote", ""), "an argument is empty"),
        (("next", ""), "an argument is empty"),
        (("change", "show", ""), "an argument is empty"),
        (("approve", ""), "an argument is empty"),
    ],
)
def test_it_is_said_and_nothing_is_done(lane_world, argv, words, as_json):
    argv = [lane_world.lane if word == "LANE" else word for word in argv]
    done = lane_world.run(*argv, *(["--json"] if as_json else []))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    if as_json:
        shown = json.loads(done.stderr)
        assert (shown["code"], shown["kind"]) == (2, "usage")
        assert words in shown["message"]
    else:
        assert words in " ".join(done.stderr.split())


def test_in_front_of_a_command_it_ends_as_every_failure_there(lane_world):
    done = lane_world.run("access", lane_world.lane, "--role-id=", "--", "true")
    assert (done.returncode, "--role-id is empty" in done.stderr) == (125, True)
    done = lane_world.run("access", lane_world.lane, "--token-file", "x", "--", "echo", "--as=", "")
    assert "--as is empty" not in done.stderr


def test_without_an_address_the_rest_of_the_machine_is_examined(lane_world):
    done = lane_world.run("doctor", "--json", BAO_ADDR="")
    found = json.loads(done.stdout)
    about = {each["about"]: each["verdict"] for each in found["findings"]}
    assert (done.returncode, found["answered"], about["server"]) == (2, False, "missing")
    assert {"journal", "platform"} <= about.keys()
    assert "OpenBao: none" in lane_world.run("doctor", BAO_ADDR="").stdout


def test_without_an_address_the_error_of_status_has_the_code_that_it_exits_with(lane_world):
    done = lane_world.run("status", "--json", BAO_ADDR="")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (3, 3)
    assert [each["lane"] for each in json.loads(done.stdout)] == [lane_world.lane]
