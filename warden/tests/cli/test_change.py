"""``warden change`` as people type it: drafted, signed by several, applied, and refused with all that is wrong."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pexpect
import pytest
from signers import Signers

APPROVERS = "protected: {approvers: [bob, carol], approvals: 2}\n"


class Office:
    """A lane that bob and carol protect, and ``warden`` to be run as the platform engineer."""

    def __init__(self, world) -> None:
        self.world = world
        self.people = Signers(world.folder / "keys", "alice", "bob", "carol")
        world.lane_file.write_text(world.lane_file.read_text() + APPROVERS)
        self.people.file.replace(world.folder / "platform" / "allowed_signers")
        self.people.file = world.folder / "platform" / "allowed_signers"
        self.token = world.server.token("platform")

    def run(self, *argv: str, **changed: str):
        return self.world.run(*argv, **{"BAO_TOKEN": self.token} | changed)

    def change(self, *argv: str, by: str = "", **changed: str):
        return self.run("change", *argv, *(["--key", str(self.people.key(by))] if by else []), **changed)

    def json(self, *argv: str, by: str = ""):
        done = self.change(*argv, "--json", by=by)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def proposed(self) -> str:
        request = self.json("new", self.world.lane, "--type", "change", "--take-over")["id"]
        self.json("propose", request, by="alice")
        return request


@pytest.fixture
def office(lane_world) -> Office:
    return Office(lane_world)


def test_from_the_draft_to_the_plan_that_is_applied(office):
    refused = office.run("apply", office.world.lane, "--take-over", "--yes")
    assert refused.returncode == 4
    assert (
        f"{office.world.lane} is protected, and no change request allows this. Nothing was changed." in refused.stderr
    )
    assert f"warden change new {office.world.lane} --type c" in refused.stderr
    request = office.proposed()
    assert request == "CCR-2026-0001"
    shown = office.change("approve", request, "--comment", "agreed with the owner", by="bob")
    assert re.search(r"bob approved \d+ s ago until ", shown.stdout)
    assert "Not approved: 1 of 2 approvals; waiting for carol." in shown.stdout
    shown = office.json("approve", request, "--comment", "fine", "--expires", "2h", by="carol")
    assert (shown["status"], shown["approved_by"], shown["problems"]) == ("approved", ["bob", "carol"], [])
    assert shown["next_action"] == f"warden apply {office.world.lane} --take-over"
    done = office.run("apply", office.world.lane, "--take-over", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"Under {request} (change), approved by bob, carol · {shown['digest']}" in done.stdout
    assert json.loads(office.run("apply", office.world.lane, "--json").stdout)["change_request"] is None
    assert office.json("show", request)["status"] == "applied"
    listed = office.change("list").stdout, office.change("list", "--all").stdout
    assert [request in each for each in listed] == [False, True]
    assert "warden change list --all" in office.change("list").stderr


def test_what_differs_from_what_was_approved_is_shown_line_by_line(office):
    request = office.proposed()
    for name in ("bob", "carol"):
        office.json("approve", request, "--comment", "fine", by=name)
    text = office.world.lane_file.read_text()
    office.world.lane_file.write_text(
        text.replace("    - workload: ", "    - workload: ").replace("/api\n", "/api\n    ttl: 31m\n")
    )
    refused = office.run("apply", office.world.lane, "--take-over", "--yes")
    assert (refused.returncode, refused.stdout) == (4, "")
    lines = refused.stderr.splitlines()
    assert any(line.startswith("  - openbao: change role ") and line.endswith("token_max_ttl: 900") for line in lines)
    assert any(line.startswith("  + openbao: change role ") and line.endswith("token_max_ttl: 1860") for line in lines)
    assert "the plan differs from what was approved" in refused.stderr


WRONG = [
    (("approve", "ID", "--comment", "me"), "alice", 4, "only bob, carol may decide"),
    (("approve", "ID", "--comment", " "), "bob", 2, "--comment is empty"),
    (("approve", "ID"), "bob", 2, "Missing option '--comment'"),
    (
        ("approve", "ID", "--comment", "x", "--expires", "91d"),
        "bob",
        2,
        "is not a number of hours or days up to 90d",
    ),
    (("approve", "ID", "--comment", "x", "--expires", "soon"), "bob", 2, "is not a number of hours or days"),
    (("approve", "ID", "--comment", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"), "bob", 2, "holds secret material"),
    (("approve", "CCR-2026-0009", "--comment", "x"), "bob", 1, "no change request CCR-2026-0009"),
    (("approve", "ID", "--comment", "x"), "mallory", 2, "is not in "),
    (("withdraw", "ID", "--comment", "x"), "bob", 4, "the requester is alice"),
    (("new", "LANE", "--type", "open"), "", 2, "'open' is not one of"),
    (("new", "nothing", "--type", "widen"), "", 1, "nothing"),
]
"""What is said, by whom; the exit code, and what is wrong with it."""


def test_what_cannot_be_is_refused_with_the_reason(office):
    request = office.proposed()
    path = office.world.folder / "platform" / "change-requests" / f"{request}.yaml"
    before = path.read_text()
    for argv, by, code, clause in WRONG:
        done = office.change(*({"ID": request, "LANE": office.world.lane}.get(each, each) for each in argv), by=by)
        assert done.returncode == code, (argv, done.stderr)
        assert clause in " ".join(done.stderr.split()), argv
        assert "Traceback" not in done.stderr
    assert path.read_text() == before


def test_without_a_server_requests_are_decided_and_not_drafted(office):
    request = office.proposed()
    gone = {"BAO_ADDR": "http://127.0.0.1:1"}
    assert office.change("approve", request, "--comment", "fine", by="bob", **gone).returncode == 0
    drafted = office.change("new", office.world.lane, "--type", "widen", **gone)
    assert drafted.returncode == 3
    assert "Nothing was created." in drafted.stderr or "127.0.0.1:1" in drafted.stderr
    assert office.change("show", request, BAO_ADDR="").returncode == 0


def test_catalog_check_tells_of_signatures_and_of_approvers_without_a_key(office):
    request = office.proposed()
    office.json("approve", request, "--comment", "fine", by="bob")
    path = office.world.folder / "platform" / "change-requests" / f"{request}.yaml"
    path.write_text(path.read_text().replace("comment: fine", "comment: fine, for ten years"))
    office.people.remove("carol")
    done = office.run("catalog", "check")
    assert done.returncode == 1
    numbers = [line for line, text in enumerate(path.read_text().splitlines(), 1) if "signature: U1NIU0lH" in text]
    assert f"CCR-2026-0001.yaml:{numbers[1]}: decisions[1].signature: is not valid: it was forged" in done.stdout
    assert "protected.approvers[1]: has no key in allowed_signers" in done.stdout


def test_two_who_approve_at_once_are_both_in_the_file(office):
    request = office.proposed()
    env = office.world.env(BAO_TOKEN=office.token)
    running = [
        subprocess.Popen(
            ["warden", "change", "approve", request, "--comment", "fine", "--key", str(office.people.key(name))],
            env=env,
            cwd=office.world.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("bob", "carol")
    ]
    for name, each in zip(("bob", "carol"), running, strict=True):
        error = each.communicate()[1]
        if each.returncode == 5:  # the other one was faster: read it again, and say it again
            assert "was changed meanwhile" in error
            office.json("approve", request, "--comment", "fine", by=name)
    assert office.json("show", request)["approved_by"] in (["bob", "carol"], ["carol", "bob"])


def test_a_decision_that_is_killed_is_in_the_file_or_is_not_and_is_ended_by_the_next_look(office):
    request = office.proposed()
    path = office.world.folder / "platform" / "change-requests" / f"{request}.yaml"
    argv = ["warden", "change", "approve", request, "--comment", "fine", "--key", str(office.people.key("bob"))]
    for pause in (0.3, 0.5, 0.7):
        started = subprocess.Popen(
            argv, env=office.world.env(), cwd=office.world.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(pause)
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert office.json("show", request)["status"] == "proposed"
        assert not [each for each in path.parent.iterdir() if each.suffix != ".yaml" and each.name[0] != "."]
    status = office.run("status", office.world.lane).stdout
    assert "change was killed" not in status


@pytest.fixture
def terminal(office) -> Iterator[pexpect.spawn]:
    request = office.proposed()
    argv = ["change", "approve", request, "--comment", "fine", "--key", str(office.people.key("bob"))]
    found = pexpect.spawn("warden", argv, env=office.world.env(), cwd=str(office.world.folder), encoding="utf-8")
    yield found
    found.close(force=True)


def test_on_a_terminal_the_plan_is_shown_and_confirmed(terminal, office):
    terminal.expect("Type CCR-2026-0001 to approve this")
    assert "token_max_ttl" in terminal.before
    terminal.sendline("CCR-2026-0001")
    terminal.expect("bob approved")
    terminal.expect(pexpect.EOF)
    assert office.json("show", "CCR-2026-0001")["approved_by"] == ["bob"]


@pytest.mark.parametrize("answer", ["yes\n", "\x03"])
def test_another_answer_and_ctrl_c_approve_nothing(terminal, office, answer):
    terminal.expect("to approve this")
    terminal.send(answer)
    terminal.expect(pexpect.EOF)
    assert "Traceback" not in terminal.before
    terminal.wait()
    assert terminal.exitstatus in {2, 130}
    assert office.json("show", "CCR-2026-0001")["approved_by"] == []


def test_ids_of_requests_are_completed(office):
    office.proposed()
    words = {"_WARDEN_COMPLETE": "bash_complete", "COMP_WORDS": "warden change show CCR-", "COMP_CWORD": "3"}
    assert "CCR-2026-0001" in office.run(**words).stdout
