"""Lanes whose files cannot be used: named by every command for all lanes, and never taken for lanes that are gone."""

import json

import pytest

BREAK = {
    "a typo": lambda file: file.write_text(file.read_text().replace("status: active", "status: actve")),
    "not YAML": lambda file: file.write_text(file.read_text() + "\n  - [unclosed\n"),
    "another name": lambda file: file.rename(file.with_name("renamed.yaml")),
    "another ending": lambda file: file.rename(file.with_suffix(".yml")),
    "empty": lambda file: file.write_text(""),
    "a key twice": lambda file: file.write_text(file.read_text() + "title: again\n"),
    "an unknown key": lambda file: file.write_text(file.read_text() + "reader: []\n"),
    "a draft, with a typo": lambda file: file.write_text(file.read_text().replace("status: active", "status: Draft")),
    "not UTF-8": lambda file: file.write_bytes(file.read_bytes() + b"\xff"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "a dangling link": lambda file: (file.unlink(), file.symlink_to("nowhere")),
    "no kind": lambda file: file.write_text(file.read_text().replace("lane: ", "lan: ", 1)),
}


@pytest.fixture
def two(engineer):
    """Two lanes of one reader, applied by the platform engineer; `two.other` is the second one's file."""
    world = engineer.world
    role = f"auth/kubernetes/role/workload-{world.tenant}-api"
    engineer.lane, engineer.second = world.lane, f"{world.lane}-b"
    engineer.other = world.lane_file.with_name(f"{engineer.second}.yaml")
    engineer.other.write_text(world.lane_file.read_text().replace(world.lane, engineer.second))
    engineer.policies = lambda: sorted(world.server.must("GET", role)["data"]["token_policies"])
    done = engineer("apply", "--all", "--take-over", "--yes")
    assert done.returncode == 0, done.stderr
    return engineer


@pytest.mark.parametrize("how", BREAK)
def test_a_lane_whose_file_has_errors_keeps_its_access_and_is_named(two, how):
    before = two.policies()
    assert len(before) == 2
    BREAK[how](two.other)
    done = two("apply", two.lane, "--yes")
    assert done.returncode == 0, done.stderr
    assert two.policies() == before
    left_out = "renamed" if how == "another name" else two.second
    done = two("plan", "--all", "--json")
    assert done.returncode == 1
    mine, other = json.loads(done.stdout)
    assert [mine["lane"], other["lane"], other["error"]["kind"]] == [two.lane, left_out, "invalid"]
    assert [each for each in mine["remarks"] if f"keeps policy workload-kv-read-{two.second}" in each]


def test_every_command_for_all_lanes_names_those_it_left_out(two):
    BREAK["a typo"](two.other)
    for verb in ("plan", "apply", "prove"):
        done = two(verb, "--all")
        assert done.returncode == 1, (verb, done.stdout, done.stderr)
        assert f"{two.second}.yaml" in done.stderr, verb
        shown = json.loads(two(verb, "--all", "--json").stdout)
        assert [(each["lane"], "error" in each) for each in shown] == [(two.lane, False), (two.second, True)]


def test_a_file_of_another_kind_with_errors_is_not_a_lane_that_was_left_out(two):
    pointer = two.other.with_name("pointer.yaml")
    pointer.write_text("pointer: pointer\ntitle: x\nstatus: actve\n")
    done = two("plan", "--all")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_lane_whose_file_was_deleted_loses_access_only_when_told(two):
    before = two.policies()
    two.other.unlink()
    asked = two("apply", two.lane)
    assert asked.returncode == 2
    assert f"warden apply {two.lane} --yes" in asked.stderr
    assert two.policies() == before
    planned = two("plan", two.lane)
    assert f"Next: warden apply {two.lane} --yes" in planned.stdout
    assert two("apply", two.lane, "--yes").returncode == 0
    assert two.policies() == [f"workload-kv-read-{two.lane}"]


def test_what_a_deleted_file_left_is_shown_with_the_command_that_removes_it(two):
    server, role = two.world.server, f"auth/kubernetes/role/workload-{two.world.tenant}-own"
    two.other.write_text(two.other.read_text() + f"  - workload: {two.world.tenant}/own\n")
    assert two("apply", two.second, "--yes").returncode == 0
    two.other.unlink()
    policy = f"workload-kv-read-{two.second}"
    fix = f"bao delete {role} && bao policy delete {policy}"
    mine = [each for each in _orphans(two("plan", "--all", "--json")) if each["lane"] == two.second]
    shared = f"auth/kubernetes/role/workload-{two.world.tenant}-api"
    path = two.world.path.replace(two.lane, two.second)
    assert mine == [
        {"lane": two.second, "orphan": {"policy": policy, "path": path, "roles": [role, shared], "fix": fix}}
    ]
    assert [each for each in _orphans(two("status", "--json")) if each["lane"] == two.second] == mine
    assert fix in " ".join(two("plan", "--all").stdout.split())
    diagnosis = json.loads(two("doctor", "--json").stdout)
    assert fix in [each["hint"] for each in diagnosis["findings"] if each["about"] == "orphans"]
    for argv in (("status",), ("doctor",)):
        done = two(*argv)
        shown = " ".join(f"{done.stdout} {done.stderr}".split())
        assert fix in shown or "more orphans: warden plan --all" in shown, argv
    assert two("plan", "--all").returncode == 1, "its policy is still in the role of the other lane"
    server.must("DELETE", role)
    server.must("DELETE", f"sys/policies/acl/{policy}")
    assert policy not in two("status").stdout


def test_nothing_is_an_orphan_while_a_file_has_errors(two):
    two.other.rename(two.other.with_name("elsewhere.yaml"))
    assert _orphans(two("plan", "--all", "--json")) == []
    assert f"{two.second}" in two("doctor").stdout


def test_without_the_right_to_list_policies_orphans_are_not_known(two):
    from warden.core.openbao.rights import policy_text

    token = two.world.server.token_with(policy_text("plan"))
    done = two("plan", "--all", BAO_TOKEN=token)
    assert (done.returncode, "needs list on sys/policies/acl" in done.stderr) == (0, True)


def _orphans(done):
    return [each for each in json.loads(done.stdout) if "orphan" in each]
