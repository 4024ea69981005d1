"""Who is told what a command did, and what the command says where nobody could be told."""

import json
import re
import time

import pytest
from notice_server import receiving

from warden.adapters.journal.sqlite import SqliteJournal


def tells(engineer, **declared):
    """Has platform.yaml name these channels."""
    file = engineer.world.folder / "platform" / "platform.yaml"
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in declared.items()]
    file.write_text(file.read_text() + "".join(lines))


def close(engineer):
    return engineer("deactivate", engineer.world.lane, "--reason", "tenant left, INC-204", "--yes")


def events(engineer):
    log = SqliteJournal(engineer.own["WARDEN_JOURNAL"]).log()
    return [each.event for each in log if each.event.startswith("notice.")]


def test_closing_opening_and_a_refuted_proof_are_told_to_people_and_to_the_state_hub(applied):
    world = applied.world
    with receiving() as people, receiving() as hub:
        tells(applied, notify={"webhook": people.url}, state_hub=hub.url)
        assert close(applied).returncode == 0
        assert applied("reactivate", world.lane, "--reason", "they are back", "--yes").returncode == 0
        world.server.must(
            "POST",
            f"auth/kubernetes/role/workload-{world.tenant}-other",
            {
                "role_type": "jwt",
                "user_claim": "sub",
                "bound_subject": "system:serviceaccount:other:api",
                "bound_audiences": ["openbao"],
                "token_policies": [f"workload-kv-read-{world.lane}"],
            },
        )
        assert applied("prove", world.lane).returncode == 1
        world.server.must("DELETE", f"auth/kubernetes/role/workload-{world.tenant}-other")
    assert people.kinds == ["lane.closed", "lane.opened", "proof.refuted"]
    assert hub.kinds == [f"warden.{each}" for each in people.kinds]
    closed, opened, refuted = people.posted
    assert closed["facts"] == {"reason": "tenant left, INC-204", "leaked": False, "in_openbao": True}
    assert closed["next"] == f"warden status {world.lane}"
    assert (opened["who"], opened["facts"]) == ("userpass-platform", {"reason": "they are back"})
    assert refuted["facts"]["failed"] > 0
    assert "nobody-else" in refuted["facts"]["wrong"]
    journal = SqliteJournal(applied.own["WARDEN_JOURNAL"])
    told = {each["record"]: each["kind"] for each in people.posted}
    recorded = {each.seq: each.event for each in journal.log() if each.seq in told}
    assert set(recorded.values()) == {"lane.closed", "lane.opened", "proof"}


def test_where_nobody_listens_the_command_is_done_all_the_same_and_says_so_once(applied):
    tells(applied, notify={"command": ["/nowhere/notify"]}, state_hub="http://127.0.0.1:1/hub")
    began = time.monotonic()
    done = close(applied)
    assert time.monotonic() - began < 20
    assert done.returncode == 0
    lane = applied.world.lane
    assert done.stderr.splitlines()[-2:] == [
        f"warden: {channel} was not told (lane.closed of {lane}): {why}; a later command sends it."
        for channel, why in (
            ("notify of platform.yaml", "the command cannot be run"),
            ("the State Hub", "it cannot be reached"),
        )
    ]
    assert events(applied) == ["notice.queued", "notice.queued"]


def test_a_lane_that_openbao_could_not_close_is_told_with_the_command_that_does(applied):
    with receiving() as people:
        tells(applied, notify={"webhook": people.url})
        done = applied("deactivate", applied.world.lane, "--reason", "why", "--yes", BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    (told,) = people.posted
    assert told["facts"]["in_openbao"] is False
    assert told["next"] == f"warden deactivate {applied.world.lane} --reason why"


def test_with_json_an_error_is_all_there_is_on_stderr(applied):
    tells(applied, notify={"command": ["/nowhere/notify"]})
    reason = ("--reason", "why", "--yes", "--json")
    done = applied("deactivate", applied.world.lane, *reason, BAO_ADDR="http://127.0.0.1:1")
    assert (done.returncode, json.loads(done.stderr)["kind"]) == (3, "unreachable")
    (left,) = json.loads(applied("notices", "--json").stdout)["channels"][0]["queued"]
    assert left["kind"] == "lane.closed"


def test_a_command_runs_in_the_platform_directory_without_the_callers_token(applied):
    folder = applied.world.folder / "platform"
    tells(applied, notify={"command": ["sh", "-c", "cat > told; env > environment"]})
    assert close(applied).returncode == 0
    assert json.loads((folder / "told").read_text())["lane"] == applied.world.lane
    assert applied.own["BAO_TOKEN"] not in (folder / "environment").read_text()


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"notify": {"webhook": "https://me@hub/"}}, "notify.webhook: has a user or a password in it"),
        ({"notify": {"command": []}}, "notify.command: is empty"),
        ({"notify": {"command": ["a"], "webhook": "https://hub"}}, "needs exactly one of the keys command, webhook"),
        ({"state_hub": "hub"}, "state_hub: is not a valid http or https URL"),
    ],
)
def test_what_is_declared_wrongly_is_found_with_its_line(engineer, declared, said):
    tells(engineer, **declared)
    done = engineer("catalog", "check")
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "platform.yaml:2" in done.stdout + done.stderr


def test_a_test_is_sent_on_every_channel_and_is_not_queued(engineer):
    with receiving() as people, receiving(400) as hub:
        tells(engineer, notify={"webhook": people.url}, state_hub=hub.url)
        done = engineer("notices", "--test")
    assert done.returncode == 3
    assert (people.kinds, hub.kinds) == (["test"], ["warden.test"])
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["CHANNEL", "notify", "State"]
    assert done.stderr == "warden: the State Hub was not told (test): it answered 400; it is not sent.\n"
    found = json.loads(engineer("notices", "--json").stdout)
    assert [(each["channel"], each["where"], each["queued"]) for each in found["channels"]] == [
        ("notify", people.url, []),
        ("state-hub", hub.url, []),
    ]


def test_what_is_queued_is_shown_and_sent(applied):
    with receiving(400) as people:
        tells(applied, notify={"webhook": people.url})
        assert close(applied).returncode == 0
        shown = applied("notices")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert re.search(rf"notify, \d+ s ago: {applied.world.lane} was closed, by ", shown.stdout)
        assert shown.stdout.splitlines()[-1] == "Next: warden notices --send"
        away = applied("notices", "--send", WARDEN_NOTIFY_TOKEN_FILE="/nowhere")
        assert away.returncode == 3
        assert "the file with its token cannot be used; a later command sends it" in away.stderr
        now = json.loads(applied("notices", "--send", "--json").stdout)
        assert (now["sent"], now["channels"][0]["queued"], now["undelivered"]) == (1, [], [])
        assert people.kinds == ["lane.closed", "lane.closed"]


def test_where_nobody_is_named_that_is_said(engineer):
    done = engineer("notices")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Nobody is told: platform.yaml has neither notify nor state_hub.\n"


def test_what_a_killed_command_had_queued_is_sent_later(applied):
    file = applied.world.folder / "platform" / "platform.yaml"
    before = file.read_text()
    tells(applied, notify={"command": ["sh", "-c", "kill -9 $PPID"]})
    assert close(applied).returncode == -9
    assert events(applied) == ["notice.queued"]
    assert json.loads(applied("status", applied.world.lane, "--json").stdout)[0]["access"] == "closed"
    file.write_text(before)
    with receiving() as people:
        tells(applied, notify={"webhook": people.url})
        assert applied("notices", "--send").returncode == 0
    assert people.kinds == ["lane.closed"]
    assert events(applied) == ["notice.queued", "notice.sent"]
