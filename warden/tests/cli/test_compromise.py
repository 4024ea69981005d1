"""``warden compromise`` at the command line: its steps, its answer, and that it converges wherever it is killed."""

import json
import subprocess

import pytest
from killing_proxy import killing_proxy

from warden.adapters.journal.sqlite import SqliteJournal


@pytest.fixture
def leaked(applied):
    """A lane of which a reader has read the value."""
    world = applied.world
    assert world.run("access", world.lane, "--", "true", BAO_TOKEN=world.token()).returncode == 0
    return applied


def end(engineer, *more, **how):
    return engineer("compromise", engineer.world.lane, "--since", "1m", "--reason", "INC-9", "--yes", *more, **how)


def test_the_plan_does_nothing(leaked):
    lane = leaked.world.lane
    before = leaked("journal", "log", "--json").stdout
    done = leaked("compromise", lane, "--plan")
    assert done.returncode == 0
    assert "2. disable the key at its provider" in done.stdout
    steps = json.loads(leaked("compromise", lane, "--plan", "--json").stdout)["steps"]
    assert [each["step"] for each in steps][:3] == ["record", "disable-key", "close-openbao"]
    assert leaked("journal", "log", "--json").stdout == before
    assert leaked("compromise", lane).returncode == 2
    wrong = leaked("compromise", lane, "--since", "next week", "--yes")
    assert (wrong.returncode, "--since is not a time in the past" in wrong.stderr) == (2, True)
    for command in ("compromise", "deactivate"):
        unclosed = leaked(command, lane, "--reason", "INC-9", "--yes", "--audit-command", "cat 'log")
        assert (unclosed.returncode, "--audit-command is not a command" in unclosed.stderr) == (2, True)
    assert leaked("journal", "log", "--json").stdout == before


def test_it_says_who_had_read_it_and_how_soon_all_were_refused(leaked):
    lane = leaked.world.lane
    done = end(leaked)
    assert done.returncode == 3, done.stdout  # the lane names no source, so a person ends the key
    for words in (
        "the key of API_KEY was not disabled: the lane's file names no source for it",
        "destroyed every version: 1",
        "reads API_KEY, SIGNING_KEY: denied (403)",
        "1 token read it since ",
        f"workload-{leaked.world.tenant}-api",
        "every former reader was refused ",
    ):
        assert words in done.stdout, done.stdout
    shown = json.loads(end(leaked, "--json").stdout)
    assert (shown["closed"], shown["complete"], shown["denied"]["proven"]) == (True, False, True)
    assert [(each["count"], each["versions"]) for each in shown["readers"]] == [(1, [1])]
    assert shown["ms"] > 0
    log = SqliteJournal(leaked.own["WARDEN_JOURNAL"]).log(events=("lane.compromised",))
    assert [each.body["destroyed"] for each in log] == [[1], []]
    assert json.loads(leaked("route", "show", lane, "--json").stdout)["resolvable"] is False
    values = leaked.world.values.values()
    assert not any(value in done.stdout + done.stderr + str([each.body for each in log]) for value in values)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_wherever_it_is_killed_the_command_that_status_names_ends_it(leaked, number):
    """Its writes: role, policy, mark; the tokens' lookups and the destruction; then what proves the refusal."""
    world, lane = leaked.world, leaked.world.lane
    argv = ["compromise", lane, "--since", "1m", "--reason", "INC-9", "--yes"]

    def at(asked):
        return len([one for one in asked if one[0] not in {"GET", "LIST"}]) == number

    with killing_proxy(world.server.address) as proxy:
        proxy.at = at
        code = proxy.run(["warden", *argv], world.env(**leaked.own | {"BAO_ADDR": proxy.address}))
    assert code == -9
    (found,) = json.loads(leaked("status", lane, "--json").stdout)
    killed = [each for each in found["interrupted"] if each["operation"] == "compromise"]
    assert len(killed) == 1
    assert killed[0]["next_action"].startswith(f"warden compromise {lane} --since 20")
    done = end(leaked, "--json")
    assert done.returncode == 3, done.stdout
    shown = json.loads(done.stdout)
    assert shown["denied"]["proven"]
    metadata = world.server.must("GET", world.path.replace("platform/", "platform/metadata/", 1))["data"]
    assert all(each["destroyed"] for each in metadata["versions"].values())
    assert "closed" in metadata["custom_metadata"]
    assert world.server.call("GET", f"sys/policies/acl/workload-kv-read-{lane}")[0] == 404
    assert SqliteJournal(leaked.own["WARDEN_JOURNAL"]).unfinished() == []


def test_two_people_who_close_it_at_once_both_find_it_closed(leaked):
    lane, environ = leaked.world.lane, leaked.world.env(**leaked.own)
    argv = ["warden", "deactivate", lane, "--reason", "INC-9", "--not-leaked", "--yes"]
    both = [
        subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ended = [each.communicate(timeout=60) for each in both]
    codes = sorted(each.returncode for each in both)
    assert codes in ([0, 0], [0, 5]), ended  # who came second may have found the lock taken: the journal has it
    again = leaked("deactivate", lane, "--reason", "INC-9", "--not-leaked", "--yes", "--json")
    assert (again.returncode, json.loads(again.stdout)["changed"]) == (0, 0)
    journal = SqliteJournal(leaked.own["WARDEN_JOURNAL"])
    assert (journal.verify().breaks, journal.unfinished()) == ((), [])
    assert leaked("reactivate", lane, "--reason", "over", "--yes").returncode == 0


@pytest.mark.parametrize("broken", ["address", "file"])
def test_who_has_to_end_a_value_mends_nothing_first(leaked, broken):
    lane, path = leaked.world.lane, leaked.world.lane_file
    if broken == "file":
        path.write_text(path.read_text() + "\nnonsense: 1\n")
    done = end(leaked, **({"BAO_ADDR": ""} if broken == "address" else {}))
    assert done.returncode == {"address": 2, "file": 1}[broken], done.stderr
    assert f"{lane} is closed in the journal, but not in OpenBao; " in done.stderr
    (closing,) = SqliteJournal(leaked.own["WARDEN_JOURNAL"]).log(events=("lane.closed",))
    assert (closing.body["leaked"], closing.body["reason"]) == (True, "INC-9")
