"""Requests as files: numbers taken at once, edits of people that stay, and every error of a file with its line."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from warden.adapters.catalog.change_requests import ChangeRequestFiles
from warden.core.changes.request import (
    Application,
    ChangeRequest,
    Decision,
    FrontDoor,
    RequestedAccess,
    RequestedPlan,
    RequestTarget,
    RequiredApprovals,
)
from warden.core.changes.scope import digest_of, scope_of
from warden.core.errors import Held, Invalid, NotFound, UsageError

SIGNATURE = (
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgzr03MAm2rP47O9OIC9L+r2yZZO0G9wx7EqA86/teKBIAAAANd2FyZGVuLWNoYW5nZQAA"
    "AAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUxOQAAAED3UgOlh9gGod4ddYdIxWQLiAbnT5n8egsGsV5iSl/18mh0N/kdRPxyYaWdOiOHs2+s"
    "bXQ5Mzi1yPk18LZpBqMJ"
)
SHIPPED = Path(__file__).parents[4] / "platform"


def request(request_id: str = "CCR-2026-0001") -> ChangeRequest:
    return ChangeRequest(
        id=request_id,
        request_type="widen",
        title="let it in",
        status="draft",
        required=(RequiredApprovals(approvers=("bob", "carol"), approvals=2),),
        target=RequestTarget(tenant="t", workload="w", purpose="yes: and no # really"),
        openbao=RequestedAccess(path="platform/a/b", fields=("KEY",), policy="r"),
        front_door=FrontDoor(catalog_id="a-lane"),
        plan=RequestedPlan(changes=("openbao: create policy r", 'openbao: create policy r + path "x" {')),
    )


def decided(before: ChangeRequest) -> ChangeRequest:
    """The same with alice's proposal."""
    proposed = msgspec.structs.replace(before, status="proposed", requester="alice")
    lines = scope_of(proposed)
    decision = Decision(
        decision="propose",
        request=before.id,
        by="alice",
        at=dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC),
        comment="please",
        digest=digest_of(lines),
        signature=SIGNATURE,
    )
    scopes = {**before.scopes, decision.digest: lines}
    return msgspec.structs.replace(proposed, decisions=(*before.decisions, decision), scopes=scopes)


@pytest.fixture
def files(tmp_path) -> ChangeRequestFiles:
    return ChangeRequestFiles(str(tmp_path), {"a-lane"})


@pytest.fixture
def made(files, tmp_path) -> Path:
    files.add(request, 2026)
    return tmp_path / "change-requests" / "CCR-2026-0001.yaml"


def test_what_is_written_is_what_is_read(files, made):
    assert files.get("CCR-2026-0001") == request()
    assert files.faults() == []
    assert made.read_text().startswith("# yaml-language-server: $schema=../schema/change-request.json\n")


def test_numbers_follow_the_last_one_of_the_year(files, made):
    made.rename(made.with_name("CCR-2026-0041.yaml"))
    assert files.add(request, 2026).id == "CCR-2026-0042"
    assert files.add(request, 2027).id == "CCR-2027-0001"
    assert not [each for each in made.parent.iterdir() if each.name.startswith(".")]


ADDING = """
import sys, time
from warden.adapters.catalog.change_requests import ChangeRequestFiles
from warden.core.changes.request import *
make = lambda number: ChangeRequest(
    id=number, request_type="rotate", title="t", status="draft", front_door=FrontDoor(catalog_id="a-lane"),
    target=RequestTarget(tenant="t", workload="w", purpose="p"),
    openbao=RequestedAccess(path="a/b", fields=(), policy="r"),
)
files = ChangeRequestFiles(sys.argv[1], {"a-lane"})
sys.stdin.read()
for _ in range(5):
    print(files.add(make, 2026).id)
"""


def test_many_at_once_get_many_numbers(tmp_path):
    argv = [sys.executable, "-c", ADDING, str(tmp_path)]
    running = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for each in running:
        each.stdin.close()  # all of them begin now
        each.stdin = None
    ids = [line for each in running for line in each.communicate()[0].split()]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert sorted(ids) == [f"CCR-2026-{number:04}" for number in range(1, 16)]
    assert [each.id for each in ChangeRequestFiles(str(tmp_path), {"a-lane"}).all()] == sorted(ids)


def test_a_decision_is_added_and_what_people_wrote_stays(files, made):
    edited = made.read_text().replace("title: let it in", 'title: "let it in"   # as agreed in the meeting')
    edited = edited.replace("status: draft", "# the status is warden's\nstatus: draft").replace(
        "    - KEY\n", "    - KEY # the key\n"
    )
    made.write_text(edited)
    files.decide(files.get("CCR-2026-0001"), decided(files.get("CCR-2026-0001")))
    after = made.read_text()
    for line in ('title: "let it in"   # as agreed in the meeting', "# the status is warden's", "    - KEY # the key"):
        assert f"{line}\n" in after
    head, _, tail = after.partition("decisions:\n")
    assert head == edited.replace("status: draft", "status: proposed\nrequester: alice")
    assert tail.startswith("  - decision: propose\n    request: CCR-2026-0001\n    by: alice\n")
    assert files.get("CCR-2026-0001") == decided(request())
    assert files.faults() == []


def test_two_decisions_about_one_text_keep_it_once(files, made):
    files.decide(files.get("CCR-2026-0001"), decided(files.get("CCR-2026-0001")))
    files.decide(files.get("CCR-2026-0001"), decided(files.get("CCR-2026-0001")))
    assert len(files.get("CCR-2026-0001").decisions) == 2
    assert made.read_text().count("request_type: ") == 2  # the field, and its line in the scope


def test_a_file_that_was_changed_since_it_was_read_is_not_written_over(files, made):
    before = files.get("CCR-2026-0001")
    made.write_text(made.read_text().replace("let it in", "let them in"))
    with pytest.raises(Held):
        files.decide(before, decided(before))
    assert "decisions" not in made.read_text()


def test_how_far_it_is_is_written_and_where_that_fails_nothing_breaks(files, made):
    applied = Application(at=dt.datetime(2026, 11, 30, 11, tzinfo=dt.UTC), by="alice", record=7)
    files.decide(files.get("CCR-2026-0001"), decided(files.get("CCR-2026-0001")))
    assert files.follow("CCR-2026-0001", "applied", applied)
    assert files.get("CCR-2026-0001").applied == applied
    assert not files.follow("CCR-2026-0009", "applied", applied)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "change-requests").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        ChangeRequestFiles(str(tmp_path)).add(request, 2026)


def test_an_unknown_id_is_answered_with_those_like_it(files, made):
    with pytest.raises(NotFound) as caught:
        files.get("CCR-2026-001")
    assert caught.value.problem.nearest == ("CCR-2026-0001",)


MALFORMED = {
    "not yaml": ("title: [", "is not valid YAML"),
    "a list": ("- a\n- b\n", "declares nothing"),
    "twice": (None, "title: is already written in line 4"),
    "a status of nobody": (("status: draft", "status: done"), 'status: "done" is not one of draft, proposed'),
    "an unknown key": (("request_type:", "requesttype: x\nrequest_type:"), "requesttype: unknown key"),
    "another id": (("id: CCR-2026-0001", "id: CCR-2026-0002"), "id: is not the file's name"),
    "signed by nobody": (("status: draft", "status: approved"), "status: is approved, and nobody has signed anything"),
    "a number that nobody reaches": (("approvals: 2", "approvals: 3"), "required[0].approvals: is not a number"),
    "no plan": (("changes:", "changes: []\n  more:"), "plan.changes: is empty"),
    "a secret": (("title: let it in", "title: ghp_16C7e42F292c6912E7710c838347Ae178B4a"), "holds secret material"),
}  # fmt: skip


@pytest.mark.parametrize("how", MALFORMED)
def test_each_error_is_told_with_its_line_and_keeps_the_file_from_being_used(files, made, how):
    change, clause = MALFORMED[how]
    text = made.read_text()
    if isinstance(change, tuple):
        made.write_text(text.replace(*change, 1))
    else:
        made.write_text(text.replace("title:", "title: x\ntitle:", 1) if change is None else change)
    found = [each for each in map(str, files.faults()) if clause in each]
    assert len(found) == 1, files.faults()
    assert files.faults()[0].line
    with pytest.raises(Invalid):
        files.get("CCR-2026-0001")
    assert files.all() == []


def test_all_errors_of_a_file_are_told_at_once(files, made):
    text = (
        made.read_text().replace("status: draft", "status: done").replace("request_type: widen", "request_type: open")
    )
    made.write_text(text.replace("id: CCR-2026-0001", "id: CCR-1"))
    assert [each.field for each in files.faults()] == ["id", "request_type", "status"]


def test_a_signature_is_not_taken_for_a_secret_and_a_secret_not_for_a_signature(files, made):
    files.decide(files.get("CCR-2026-0001"), decided(files.get("CCR-2026-0001")))
    other = "U1NIU0lHghp16C7e42F292c6912E7710c838347Ae178B4a" + "x7Kq9Zp2Lm4Vw8Rt1Yb6Nc3Df5Gh0Js" * 4
    made.write_text(made.read_text().replace(SIGNATURE, other))
    assert any("secret material" in each.message for each in files.faults())


def test_the_requests_of_the_first_lanes_ship_as_records_that_approve_nothing():
    shipped = ChangeRequestFiles(str(SHIPPED), {"issue-core-ingestion-api-key", "openrouter-llm-connect"})
    assert shipped.faults() == []
    found = {each.id: each for each in shipped.all()}
    assert {each: (one.lane, one.origin, one.decisions) for each, one in found.items()} == {
        "CCR-2026-0002": ("issue-core-ingestion-api-key", "earlier-system", ()),
        "CCR-2026-0003": ("openrouter-llm-connect", "earlier-system", ()),
    }
