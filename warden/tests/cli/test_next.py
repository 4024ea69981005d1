"""next as a person types it: what is left, for whom, with a command that can be pasted, and exit codes."""

import json
import shlex
import subprocess

import pytest


def listed(engineer, *argv, **how):
    done = engineer("next", "--json", *argv, **how)
    return done.returncode, json.loads(done.stdout)


def test_of_a_lane_that_is_sound_nothing_is_left(applied):
    assert applied("prove", applied.world.lane).returncode == 0
    done = applied("next")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Nothing is left.\n", "")


def test_each_line_ends_with_a_command_that_runs(applied):
    world = applied.world
    role = f"auth/kubernetes/role/workload-{world.tenant}-api"
    found = {name: item for name, item in world.server.must("GET", role)["data"].items() if item}
    world.server.must("POST", role, {**found, "bound_subject": "", "bound_claims": {}})
    assert applied("prove", world.lane).returncode == 1
    done = applied("next")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "platform-team")
    (line,) = [each for each in done.stdout.splitlines() if "the role accepts other accounts of the namespace" in each]
    assert line.startswith(f"  {world.lane} · ")
    _, actions = listed(applied)
    assert {each["kind"] for each in actions} == {"wrong"}
    for each in actions:
        assert each["next_action"] in done.stdout
        assert applied(*shlex.split(each["next_action"])[1:], "--yes").returncode == 0
    assert applied("prove", world.lane).returncode == 0
    assert listed(applied) == (0, [])


def test_the_same_step_is_next_in_status(applied):
    _, actions = listed(applied, applied.world.lane)
    (status,) = json.loads(applied("status", applied.world.lane, "--json").stdout)
    assert [each["next_action"] for each in actions] == [status["next_action"]]
    assert [each["kind"] for each in actions] == [status["next_reason"]] == ["not-proven"]


def test_only_what_an_owner_has_to_do(applied):
    world = applied.world
    assert [each["owner"] for each in listed(applied, "--owner", "platform-team")[1]] == ["platform-team"]
    done = applied("next", "--owner", world.tenant)
    assert (done.returncode, done.stdout) == (0, f"Nothing is left for {world.tenant}.\n")


def test_an_unknown_owner_is_answered_with_the_nearest(applied):
    done = applied("next", "--owner", "platfrom-team")
    assert done.returncode == 1
    assert "nearest: platform-team" in done.stderr
    command = next(each.strip() for each in done.stderr.splitlines() if each.strip().startswith("warden next"))
    assert applied(*shlex.split(command)[1:]).returncode == 0


def test_an_unknown_lane_is_an_error(applied):
    assert applied("next", "nothing-like-it").returncode == 1


@pytest.mark.parametrize("how", [{"BAO_ADDR": ""}, {"BAO_ADDR": "http://127.0.0.1:1"}])
def test_without_openbao_the_journal_and_the_files_are_shown_all_the_same(applied, how):
    world = applied.world
    world.lane_file.write_text(world.lane_file.read_text().replace("reviewed: ", "reviewed: 2020-01-01 # "))
    code, actions = listed(applied, **how)
    assert (code, [each["kind"] for each in actions]) == (3, ["review"])
    assert actions[0]["file"].endswith(f"{world.lane}.yaml")
    assert "as far as could be seen" in applied("next", "--owner", world.tenant, **how).stdout


def test_a_file_with_errors_is_left(applied):
    world = applied.world
    world.lane_file.write_text(world.lane_file.read_text().replace("title:", "titel:"))
    _, actions = listed(applied)
    assert [(each["kind"], each["next_action"]) for each in actions] == [("file-errors", "warden catalog check")]


INVENTORY = """\
authorities: {{users: {{openbao: {mount}}}}}
actors:
  {actor}: {{identities: [{{workload: {reader}}}], source_addresses: [127.0.0.0/8], ttl: {ttl}}}
"""


def test_what_is_left_of_actors_is_shown(applied, unique):
    world = applied.world
    assert applied("prove", world.lane).returncode == 0
    actor, file = unique("agt"), world.folder / "platform" / "inventory.yaml"
    named = {"mount": unique("ssh"), "actor": actor, "reader": world.reader}
    file.write_text(INVENTORY.format(**named, ttl="5m"))
    _, (action,) = listed(applied)
    assert (action["lane"], action["kind"], action["next_action"]) == (actor, "not-applied", f"warden apply {actor}")
    code, (action,) = listed(applied, BAO_ADDR="")
    assert (code, action["kind"], action["next_action"]) == (3, "not-proven", f"warden prove {actor}")
    file.write_text(INVENTORY.format(**named, ttl="500h"))
    _, (action,) = listed(applied)
    assert (action["lane"], action["kind"], action["next_action"]) == (
        "inventory",
        "file-errors",
        "warden catalog check",
    )
    done = applied("status")
    assert "ttl: is not allowed for agt-" in done.stderr


def test_owners_are_completed(applied):
    environment = applied.world.env(
        _WARDEN_COMPLETE="bash_complete", COMP_WORDS="warden next --owner pl", COMP_CWORD="3"
    )
    done = subprocess.run(
        ["warden"], env=environment, cwd=applied.world.folder, capture_output=True, text=True, check=False
    )
    assert done.stdout == "plain,platform-team\n"
