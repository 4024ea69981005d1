"""put as a person types it: without FIELD, with several, from prompts and from one JSON object."""

import json
import os
import select
import time

import pytest


def read_until(master, wanted, seconds=20):
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 4096)
    assert wanted in seen, seen
    return seen


def stored(world):
    read = world.server.must("GET", world.path.replace("platform/", "platform/data/", 1))["data"]
    return read["metadata"]["version"], read["data"]


def test_one_json_object_makes_one_version(applied):
    world = applied.world
    done = applied("put", world.lane, "--json", stdin='{"API_KEY": "one-new-key", "SIGNING_KEY": "one-new-signer"}')
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["fields"], shown["field"]) == (0, ["API_KEY", "SIGNING_KEY"], "")
    assert stored(world) == (2, {"API_KEY": "one-new-key", "SIGNING_KEY": "one-new-signer"})
    done = applied("put", world.lane, stdin='{"API_KEY": "another-key"}')
    assert "API_KEY is in version 3 of" in done.stdout
    assert stored(world) == (3, {"API_KEY": "another-key", "SIGNING_KEY": "one-new-signer"})


def test_fields_that_were_named_are_all_expected_in_the_object(applied):
    done = applied("put", applied.world.lane, "API_KEY", "SIGNING_KEY", stdin='{"API_KEY": "another-key"}')
    assert (done.returncode, "SIGNING_KEY not there" in done.stderr) == (2, True)
    assert stored(applied.world)[0] == 1


@pytest.mark.parametrize(
    "text", ["just-one-value", '{"API_KEY": "a-good-key-but", "OTHER": "a-secret-thing"}', '{"API']
)
def test_what_is_not_that_object_is_not_written_and_not_repeated(applied, text):
    done = applied("put", applied.world.lane, stdin=text)
    assert done.returncode == 2, done.stdout
    assert "standard input" in done.stderr
    assert "a-good-key-but" not in done.stderr
    assert "a-secret-thing" not in done.stderr
    assert "just-one-value" not in done.stderr
    assert stored(applied.world)[0] == 1


def test_a_lane_with_one_field_needs_no_name(engineer):
    world = engineer.world
    world.lane_file.write_text(world.lane_file.read_text().replace("[API_KEY, SIGNING_KEY]", "[API_KEY]"))
    assert engineer("apply", world.lane, "--take-over", "--yes").returncode == 0
    assert engineer("put", world.lane, stdin="the-only-value\n").returncode == 0
    assert stored(world)[1]["API_KEY"] == "the-only-value"
    assert engineer("put", world.lane, stdin='{"API_KEY": "by-its-name"}').returncode == 0
    assert stored(world)[1]["API_KEY"] == "by-its-name"
    account = '{"type": "service_account"}'
    assert engineer("put", world.lane, stdin=account).returncode == 0
    assert stored(world)[1]["API_KEY"] == account


def test_each_field_is_asked_for_and_an_empty_one_is_left_as_it_is(applied, typing):
    world = applied.world
    process, master = typing("put", world.lane)
    read_until(master, b"API_KEY for ")
    os.write(master, b"\n")
    read_until(master, b"SIGNING_KEY for ")
    os.write(master, b"typed-for-the-second\n")
    seen = read_until(master, b"Next: warden prove")
    process.wait(timeout=20)
    os.close(master)
    assert process.returncode == 0
    assert b"typed-for-the-second" not in seen
    assert stored(world) == (2, world.values | {"SIGNING_KEY": "typed-for-the-second"})


def test_a_misspelt_field_is_answered_with_the_right_one(applied):
    lane = applied.world.lane
    done = applied("put", lane, "API_KEZ", stdin="some-value-or-other")
    assert (done.returncode, f"warden put {lane} API_KEY" in done.stderr) == (1, True)
    done = applied("put", lane, "API_KEY", "SIGNNG_KEY", stdin="{}")
    assert (done.returncode, f"warden put {lane} SIGNING_KEY" in done.stderr) == (1, True)


def test_prove_names_the_field_that_is_missing(applied):
    world = applied.world
    world.fill({"API_KEY": "only-the-first"})
    done = applied("prove", world.lane)
    assert done.returncode == 1
    assert f"warden put {world.lane} SIGNING_KEY" in done.stdout
    assert f"warden put {world.lane} API_KEY" not in done.stdout
    row = json.loads(applied("status", "--json").stdout)
    assert row[0]["next_action"] == f"warden put {world.lane} SIGNING_KEY"


def test_a_policy_that_gets_another_name_is_taken_over_and_nobody_loses_access_meanwhile(applied):
    """A second lane whose path ends alike, read by the same account."""
    world = applied.world
    second = f"{world.tenant}-other"
    text = world.lane_file.read_text().replace(f"lane: {world.lane}", f"lane: {second}")
    world.lane_file.with_name(f"{second}.yaml").write_text(text.replace("/api/", "/web/"))
    earlier, now = f"workload-kv-read-{world.lane}", f"workload-kv-read-workloads.{world.tenant}.api.{world.lane}"
    planned = json.loads(applied("plan", world.lane, "--json").stdout)
    changed = {(each["action"], each["name"]) for each in planned["changes"] if each["kind"] == "policy"}
    assert changed == {("delete", earlier), ("create", now)}

    def reads():
        return world.server.call("GET", world.path.replace("platform/", "platform/data/", 1), token=world.token())[0]

    assert applied("apply", second).returncode == 0
    assert reads() == 200
    assert applied("apply", world.lane, "--yes").returncode == 0
    assert reads() == 200
    assert world.server.call("GET", f"sys/policies/acl/{earlier}")[0] == 404
    assert [applied("plan", each).returncode for each in (world.lane, second)] == [0, 0]
    world.server.overwrite(world.path.replace("/api/", "/web/"), world.values)
    done = applied("prove", "--all")
    assert done.returncode == 0, done.stdout
    shown = json.loads(applied("route", "show", world.lane, "--json").stdout)
    assert (shown["policy"], shown["proof"]["state"]) == (now, "proven")


@pytest.mark.parametrize("more", [(), ("--as-is",)])
def test_what_openbao_would_keep_as_something_else_is_refused(applied, more):
    text = r'{"API_KEY": "half \ud83d of it", "SIGNING_KEY": "whole"}'
    done = applied("put", applied.world.lane, *more, stdin=text)
    assert (done.returncode, "not valid UTF-8" in done.stderr) == (2, True)
    assert stored(applied.world)[0] == 1
