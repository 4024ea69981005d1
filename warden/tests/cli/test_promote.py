"""promote and demote as a person types them: the gate is a fresh proof, and the lane's file says what came of it."""

import json
import re
import time

import pytest
from notice_server import receiving

from warden.adapters.journal.sqlite import SqliteJournal


@pytest.fixture
def draft(applied):
    """The lane as a draft with a playbook, and a comment on each line that is edited."""
    file = applied.world.lane_file
    text = file.read_text().replace("status: active\n", "status: draft  # until it is proven\n")
    text = text.replace("title:", "# who owns it\ntitle:") + "playbook: docs/openbao.md\n"
    text = "".join(
        "reviewed: '2026-01-02'\n" if each.startswith("reviewed") else each for each in text.splitlines(True)
    )
    file.write_text(text)
    (applied.world.folder / "docs").mkdir()
    (applied.world.folder / "docs" / "openbao.md").write_text("# The playbook\n")
    return applied


def log(engineer, *events):
    records = SqliteJournal(engineer.own["WARDEN_JOURNAL"]).log()
    return [each for each in records if each.event in events] if events else records


def today():
    return time.strftime("%Y-%m-%d", time.gmtime())


def test_a_lane_is_promoted_by_a_proof_and_found_from_then_on(draft):
    world = draft.world
    before = world.lane_file.read_text()
    assert draft("route", "list").stdout == ""
    assert draft("access", world.lane, "--", "true").returncode == 125
    done = draft("promote", world.lane)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = before.replace("status: draft ", "status: active ").replace("2026-01-02", today())
    assert world.lane_file.read_text() == wanted
    lines = [line.strip() for line in done.stdout.splitlines()]
    for condition in (
        "no placeholder is left in the declared path",
        "owners are named: platform-team",
        "path exists, with a live value of every field",
        f"{world.reader} can read",
        "nobody else can read or change it",
        "the value has the form of a secret, not of a stand-in",
    ):
        assert any(line.startswith(f"ok   {condition}") for line in lines), condition
    (record,) = log(draft, "lane.promoted")
    (proof,) = log(draft, "proof")
    assert record.body["proof"] == proof.seq
    assert proof.body["inspected"] is True
    assert record.body["identity"]["display_name"] == "userpass-platform"
    assert {each["holds"] for each in record.body["conditions"]} == {"ok"}
    shown = json.loads(draft("route", "show", world.lane, "--json").stdout)
    assert (shown["status"], shown["resolvable"], shown["proof"]["state"]) == ("active", True, "proven")
    assert draft("status", world.lane).stdout.count("proven") == 1


def test_to_promote_again_changes_nothing_and_records_nothing(draft):
    assert draft("promote", draft.world.lane).returncode == 0
    text = draft.world.lane_file.read_text()
    again = json.loads(draft("promote", draft.world.lane, "--json").stdout)
    assert (again["promoted"], again["journal"], again["changes"]) == (True, 0, [])
    assert draft.world.lane_file.read_text() == text
    assert len(log(draft, "lane.promoted")) == 1
    assert len(log(draft, "proof")) == 2


def test_where_a_condition_does_not_hold_nothing_is_written(draft):
    world = draft.world
    before = world.lane_file.read_text()
    world.fill({"API_KEY": world.values["API_KEY"]})
    done = draft("promote", world.lane)
    assert done.returncode == 1
    assert "  FAIL path exists, with a live value of every field" in done.stdout
    assert re.search(r"^not promoted: 1 of \d+ does not hold, \d+ of", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1].endswith(f"; then: warden promote {world.lane}")
    assert world.lane_file.read_text() == before
    assert log(draft, "lane.promoted", "promote.begin") == []
    found = json.loads(draft("promote", world.lane, "--json").stdout)
    assert (found["promoted"], found["outcome"], found["file"]) == (False, "refused", "")
    wrong = [each for each in found["conditions"] if not each["holds"]]
    assert [each["condition"] for each in wrong] == ["path"]
    assert wrong[0]["mend"].startswith(f"warden put {world.lane}")


def test_a_stand_in_for_a_value_is_not_promoted(draft):
    draft.world.fill({**draft.world.values, "API_KEY": "changeme"})
    done = draft("promote", draft.world.lane)
    assert done.returncode == 1
    assert "FAIL the value has the form of a secret, not of a stand-in" in done.stdout
    assert "ok   path exists, with a live value of every field" in done.stdout


def test_a_lane_without_a_playbook_is_not_promoted(draft):
    file = draft.world.lane_file
    file.write_text(file.read_text().replace("playbook: docs/openbao.md\n", ""))
    done = draft("promote", draft.world.lane)
    assert done.returncode == 1
    assert "FAIL a playbook is named" in done.stdout
    assert "fix: add playbook to the lane's file" in done.stdout


def test_a_playbook_that_does_not_exist_is_none(draft):
    (draft.world.folder / "docs" / "openbao.md").unlink()
    done = draft("promote", draft.world.lane)
    assert done.returncode == 1
    assert "FAIL playbook: docs/openbao.md" in done.stdout
    assert "does not exist: docs/openbao.md" in done.stdout


def test_what_could_not_be_seen_is_no_promotion(draft):
    before = draft.world.lane_file.read_text()
    done = draft("promote", draft.world.lane, "--audit", "/nowhere/audit.log")
    assert done.returncode == 3
    assert "not promoted" in done.stdout
    assert done.stdout.splitlines()[-1] == f"Next: warden doctor; then: warden promote {draft.world.lane}"
    assert draft.world.lane_file.read_text() == before


def test_a_closed_lane_is_not_promoted(draft):
    lane = draft.world.lane
    assert draft("deactivate", lane, "--reason", "why", "--yes").returncode == 0
    done = draft("promote", lane)
    assert done.returncode == 5
    assert "is closed" in done.stderr
    assert "status: draft" in draft.world.lane_file.read_text()


def test_a_protected_lane_is_promoted_once_a_request_of_it_was_applied(draft):
    world = draft.world
    world.lane_file.write_text(world.lane_file.read_text() + "protected: {approvers: [alice, bob], approvals: 2}\n")
    done = draft("promote", world.lane)
    assert done.returncode == 5
    assert "is protected, and no change request of it was applied yet; 2 of alice, bob have to approve" in done.stderr
    assert f"warden change new {world.lane} --type create" in done.stderr
    assert log(draft, "proof") == []
    mark(world, protected="2 of alice, bob", changes="CCR-2026-0001 CCR-2026-0002")  # as `apply` leaves it
    done = draft("promote", world.lane)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok   what is there was approved: CCR-2026-0002" in done.stdout


def test_what_openbao_protects_is_protected_whatever_the_file_says(draft):
    mark(draft.world, protected="1 of carol")
    done = draft("promote", draft.world.lane)
    assert done.returncode == 5
    assert "1 of carol have to approve one" in done.stderr


def mark(world, **marks):
    """Add to the custom metadata of the lane's path."""
    where = world.path.replace("platform/", "platform/metadata/", 1)
    found = world.server.must("GET", where)["data"]["custom_metadata"]
    world.server.must("POST", where, {"custom_metadata": {**found, **marks}})


def test_a_draft_with_a_placeholder_is_refused_before_anything_is_asked(draft):
    file = draft.world.lane_file
    file.write_text(file.read_text().replace(f"api/{draft.world.lane}", "api/<secret>"))
    done = draft("promote", draft.world.lane)
    assert done.returncode == 1
    assert "has the placeholder <secret>" in done.stderr
    assert log(draft, "proof", "probe.begin") == []


def test_demote_is_its_opposite_and_needs_no_server(draft):
    world = draft.world
    assert draft("promote", world.lane).returncode == 0
    promoted = world.lane_file.read_text()
    done = draft("demote", world.lane, "--reason", "moves, INC-7", BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert world.lane_file.read_text() == promoted.replace("status: active ", "status: draft ")
    (record,) = log(draft, "lane.demoted")
    assert record.body["reason"] == "moves, INC-7"
    refused = draft("access", world.lane, "--", "true")
    assert refused.returncode == 125
    assert f"warden promote {world.lane}" in refused.stderr
    again = draft("demote", world.lane, "--reason", "moves, INC-7", BAO_ADDR="http://127.0.0.1:1")
    assert (again.returncode, len(log(draft, "lane.demoted"))) == (0, 1)
    assert draft("promote", world.lane).returncode == 0
    assert [each.event for each in log(draft, "lane.promoted", "lane.demoted")] == [
        "lane.promoted",
        "lane.demoted",
        "lane.promoted",
    ]


def test_people_and_the_state_hub_are_told(draft):
    world = draft.world
    with receiving() as people, receiving() as hub:
        file = world.folder / "platform" / "platform.yaml"
        file.write_text(f"{file.read_text()}notify: {{webhook: '{people.url}'}}\nstate_hub: {hub.url}\n")
        assert draft("promote", world.lane).returncode == 0
        assert draft("promote", world.lane).returncode == 0
        assert draft("demote", world.lane, "--reason", "why").returncode == 0
    assert people.kinds == ["lane.promoted", "lane.demoted"]
    assert hub.kinds == ["warden.lane.promoted", "warden.lane.demoted"]
    assert people.posted[0]["facts"]["proof"] == log(draft, "proof")[0].seq


def test_status_names_promote_as_the_next_step_of_a_proven_draft(draft):
    world = draft.world
    assert draft("prove", world.lane).returncode == 0
    (shown,) = json.loads(draft("status", world.lane, "--json").stdout)
    assert (shown["next_action"], shown["next_reason"]) == (f"warden promote {world.lane}", "not-promoted")


def test_an_entry_that_is_not_a_lane_is_refused(draft):
    assert draft("promote", "nothing-of-that-name").returncode == 1
    assert draft("demote", "nothing-of-that-name", "--reason", "why").returncode == 1
    assert draft("demote", draft.world.lane, "--reason", " ").returncode == 2


KILLS_ITSELF = """
import os, signal

replace = os.replace


def killed(source, target, **how):
    if not os.fspath(target).endswith("-key.yaml"):
        return replace(source, target, **how)
    if os.environ["WHEN"] == "after":
        replace(source, target, **how)
    os.kill(os.getpid(), signal.SIGKILL)


os.replace = killed
"""


@pytest.mark.parametrize(("when", "found"), [("before", "not-declared"), ("after", "declared")])
def test_a_promotion_that_was_killed_is_ended_by_the_next_one(draft, when, found):
    world = draft.world
    wanted = world.lane_file.read_text().replace("status: draft ", "status: active ").replace("2026-01-02", today())
    (world.folder / "site").mkdir()
    (world.folder / "site" / "sitecustomize.py").write_text(KILLS_ITSELF)
    died = draft("promote", world.lane, PYTHONPATH=str(world.folder / "site"), WHEN=when)
    assert died.returncode == -9
    assert (world.lane_file.read_text() == wanted) is (when == "after")
    assert log(draft, "lane.promoted") == []
    (shown,) = json.loads(draft("status", world.lane, "--json").stdout)
    assert [(each["operation"], each["state"]) for each in shown["interrupted"]] == [("promote", "killed")]
    assert (shown["next_reason"], shown["next_action"]) == ("interrupted", f"warden promote {world.lane}")
    assert draft("promote", world.lane).returncode == 0
    assert world.lane_file.read_text() == wanted
    assert [each.body["found"] for each in log(draft, "promote.abandoned")] == [found]
    assert len(log(draft, "lane.promoted")) == 1
    assert SqliteJournal(draft.own["WARDEN_JOURNAL"]).unfinished() == []
    assert draft("route", "list").stdout.count("active, proven") == 1


def test_a_file_that_is_edited_during_the_proof_is_left_as_it_is(draft):
    world = draft.world
    edit = f"printf '%s\\n' '# a thought meanwhile' >> '{world.lane_file}'; cat '{world.server.audit_file}'"
    script = world.folder / "audit"
    script.write_text(f"#!/bin/sh\n{edit}\n")
    script.chmod(0o700)
    done = draft("promote", world.lane, "--audit-command", str(script))
    assert done.returncode == 5
    assert "was changed by somebody else meanwhile" in done.stderr
    assert "status: draft" in world.lane_file.read_text()
    assert log(draft, "lane.promoted", "promote.begin") == []
