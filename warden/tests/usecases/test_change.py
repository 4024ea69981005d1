"""Change requests from the draft to the plan that is applied: real keys, real ssh-keygen, a real OpenBao."""

import datetime as dt
import time
from pathlib import Path

import msgspec
import pytest
from signers import Signers
from word_names import word_name

from warden.adapters.catalog.change_requests import ChangeRequestFiles
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.openbao.client import OpenBao
from warden.core.changes.drafts import Words
from warden.core.changes.errors import ApprovalNeeded, NotApproved, NothingToRequest
from warden.core.changes.flaws import NotAnApprover, NotTheRequester, SamePerson, SelfApproval
from warden.core.changes.verdict import standing
from warden.core.errors import NotNow, Refused, UsageError
from warden.core.lanes.lane import Protected, Workload, WorkloadReader
from warden.core.plans.lane_plan import LaneOptions
from warden.core.plans.plan import System
from warden.core.remedies import warden
from warden.usecases.apply import apply
from warden.usecases.change import Said, Shelf, decide, draft
from warden.usecases.change import show as look
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.approval import approval_for, expect_nothing_to_approve
from warden.usecases.targets.openbao import OpenBaoTarget

PEOPLE = ("alice", "bob", "carol", "dave")
YES = LaneOptions(yes=True)


class Desk:
    """The requests of one lane that is protected by two of bob, carol and dave; alice asks."""

    def __init__(self, bench, folder: Path) -> None:
        self.bench = bench
        self.people = Signers(folder / "keys", *PEOPLE)
        self.platform = folder / "platform"
        self.platform.mkdir()
        bench.change(protected=Protected(approvers=("bob", "carol", "dave"), approvals=2))

    @property
    def files(self) -> ChangeRequestFiles:
        return ChangeRequestFiles(str(self.platform), {self.bench.lane.id})

    @property
    def context(self):
        found = self.bench.context()
        return msgspec.structs.replace(found, requests=self.files, signatures=self.people.signatures("alice"))

    def shelf(self, who: str, **how: str) -> Shelf:
        return Shelf(requests=self.files, signatures=self.people.signatures(who, **how), journal=self.bench.journal)

    def new(self, request_type="create", options: LaneOptions = YES) -> str:
        return draft(self.bench.lane, request_type, Words(), self.context, options).request.id

    def say(self, who: str, verb: str, request: str, comment: str = "looked at it", **how: str):
        return decide(request, Said(verb=verb, comment=comment), self.shelf(who, **how))

    def approved(self, request_type="create") -> str:
        request = self.new(request_type)
        self.say("alice", "propose", request)
        self.say("bob", "approve", request)
        self.say("carol", "approve", request)
        return request

    def apply(self):
        return apply(self.bench.lane, self.context, YES)

    def refused(self) -> ApprovalNeeded:
        with pytest.raises(NotApproved) as caught:
            self.apply()
        return caught.value.problem

    def file(self, request: str) -> Path:
        return self.platform / "change-requests" / f"{request}.yaml"


@pytest.fixture
def desk(bench, tmp_path) -> Desk:
    """With names of words: a request is a declared file, and random letters in one look like a secret."""
    return Desk(type(bench)(bench.server, word_name, tmp_path), tmp_path)


def kinds(problem: ApprovalNeeded) -> set[str]:
    found = {each.__struct_config__.tag for each in problem.problems}
    flaws = (flaw for each in problem.problems for flaw in getattr(each, "flaws", ()))
    return found | {flaw.__struct_config__.tag for flaw in flaws}


def test_a_protected_lane_is_applied_under_the_request_that_was_approved(desk):
    assert desk.refused().request == ""
    request = desk.approved()
    done = desk.apply()
    assert done.changed
    assert (done.approved.request, done.approved.approvers) == (request, ("bob", "carol"))
    assert done.approved.digest == look(request, desk.files, desk.people.signatures("alice")).digest
    begun = desk.bench.journal.log(events=("apply.begin",))[-1]
    assert begun.body["request"] == request
    assert begun.body["approved_by"] == ["bob", "carol"]
    assert desk.files.get(request).status == "applied"
    assert desk.bench.vault().kv_metadata("platform", desk.bench.path).custom["changes"] == request
    assert not desk.apply().changed  # as declared: nothing to approve
    desk.bench.put()
    assert desk.bench.prove().state == "proven"  # what is written at the path is known as ours


def test_one_approval_is_not_two_and_nothing_is_changed_without_them(desk):
    request = desk.new()
    desk.say("alice", "propose", request)
    desk.say("bob", "approve", request)
    problem = desk.refused()
    (missing,) = problem.problems
    assert (missing.approvals, missing.of, missing.waiting) == (1, 2, ("carol", "dave"))
    assert desk.bench.vault().kv_metadata("platform", desk.bench.path) is None
    assert not desk.bench.journal.log(events=("apply.begin",))


def test_a_record_of_the_earlier_system_is_no_answer(desk):
    request = desk.approved()
    path = desk.file(request)
    text, _, _ = path.read_text().partition("decisions:")
    path.write_text(
        text.replace("status: approved", "origin: earlier-system\nstatus: approved").replace("ttl: 900", "ttl: 9")
    )
    assert desk.files.faults() == []
    assert desk.refused().request == ""


def test_a_draft_and_a_request_that_waits_approve_nothing(desk):
    request = desk.new()
    assert kinds(desk.refused()) == {"not-proposed", "missing"}
    desk.say("alice", "propose", request)
    assert kinds(desk.refused()) == {"missing"}


def test_the_requester_cannot_approve_under_any_name_or_key(desk):
    desk.bench.change(protected=Protected(approvers=("alice", "bob", "robert"), approvals=2))
    request = desk.new()
    desk.say("alice", "propose", request)
    with pytest.raises(Refused) as caught:
        desk.say("alice", "approve", request)
    assert caught.value.problem.rejected.flaws == (SelfApproval(),)
    desk.people.add("robert", key_of="alice")
    with pytest.raises(Refused) as caught:
        desk.say("alice", "approve", request, as_="robert")
    assert caught.value.problem.rejected.flaws == (SelfApproval(by_key=True),)
    assert desk.file(request).read_text().count("decision: approve") == 0


def test_one_key_is_one_person(desk):
    desk.people.add("robert", key_of="bob")
    desk.bench.change(protected=Protected(approvers=("bob", "robert"), approvals=2))
    request = desk.new()
    desk.say("alice", "propose", request)
    desk.say("bob", "approve", request, as_="bob")
    with pytest.raises(Refused) as caught:
        desk.say("bob", "approve", request, as_="robert")
    assert caught.value.problem.rejected.flaws == (SamePerson("bob"),)
    assert desk.refused().problems[0].approvals == 1


def test_a_proposal_that_stands_is_not_made_again(desk):
    request = desk.new()
    before = desk.say("alice", "propose", request).request
    assert desk.say("alice", "propose", request).request == before
    assert len(desk.bench.journal.log(events=("change.done",))) == 2  # the draft, and one proposal
    for comment in ("see the ticket", "looked at it"):
        assert desk.say("alice", "propose", request, comment=comment).request.decisions[-1].comment == comment
    desk.say("bob", "needs-changes", request)
    assert desk.say("alice", "propose", request).status == "proposed"
    assert [each.decision for each in desk.files.get(request).decisions].count("propose") == 4


def test_whom_the_lane_does_not_name_cannot_decide(desk):
    desk.people.add("mallory")
    request = desk.new()
    desk.say("alice", "propose", request)
    for verb in ("approve", "deny", "needs-changes"):
        with pytest.raises(Refused) as caught:
            desk.say("mallory", verb, request)
        assert caught.value.problem.rejected.flaws == (NotAnApprover(("bob", "carol", "dave")),)
    with pytest.raises(Refused) as caught:
        desk.say("mallory", "withdraw", request)
    assert caught.value.problem.rejected.flaws == (NotTheRequester("alice"),)


def test_a_forged_approval_is_refused(desk):
    request = desk.approved()
    path = desk.file(request)
    path.write_text(path.read_text().replace("by: carol", "by: dave"))
    assert kinds(desk.refused()) == {"rejected", "bad-signature", "missing"}


def test_an_approval_of_another_request_is_refused(desk):
    first, second = desk.approved(), desk.new()
    desk.say("alice", "propose", second)
    desk.say("bob", "approve", second)
    stolen = desk.files.get(first).decisions[-1]
    request = desk.files.get(second)
    scopes = request.scopes | {stolen.digest: desk.files.get(first).scopes[stolen.digest]}
    for copied in (stolen, msgspec.structs.replace(stolen, request=second)):
        after = msgspec.structs.replace(request, decisions=(*request.decisions, copied), scopes=scopes)
        checked = [desk.people.signatures("bob").check(each) for each in after.decisions]
        found = standing(after, checked, dt.datetime.now(dt.UTC))
        assert [each.by for each in found.approvals] == ["bob"]
        (judged,) = [each for each in found.judged if each.decision == copied]
        flaws = {flaw.__struct_config__.tag for flaw in judged.flaws}
        assert flaws == ({"other-request"} if copied is stolen else {"bad-signature"})


def test_an_expired_approval_is_refused_and_can_be_given_again(desk):
    request = desk.new()
    desk.say("alice", "propose", request)
    desk.say("bob", "approve", request)
    short = Said(verb="approve", comment="for a second", good_for=dt.timedelta(seconds=1))
    decide(request, short, desk.shelf("carol"))
    time.sleep(1.1)
    assert kinds(desk.refused()) == {"rejected", "expired", "missing"}
    desk.say("carol", "approve", request)
    assert desk.apply().approved.request == request


def test_a_key_that_is_taken_off_the_list_approves_no_more(desk):
    desk.approved()
    desk.people.remove("carol")
    assert kinds(desk.refused()) == {"rejected", "unknown-key", "missing"}


@pytest.mark.parametrize(("verb", "who"), [("deny", "dave"), ("needs-changes", "dave"), ("withdraw", "alice")])
def test_what_stops_a_request_stops_apply(desk, verb, who):
    request = desk.approved()
    desk.say(who, verb, request, "not like this")
    problem = desk.refused()
    (stopped,) = problem.problems
    assert (stopped.decision, stopped.by, stopped.comment) == (verb, who, "not like this")
    if verb == "needs-changes":
        desk.say("alice", "propose", request)
        assert desk.apply().changed
    else:
        with pytest.raises(NotNow):
            desk.say("bob", "approve", request)


def test_a_plan_that_differs_by_one_line_is_not_applied(desk):
    desk.approved()
    reader = desk.bench.lane.readers[0]
    desk.bench.change(readers=(msgspec.structs.replace(reader, ttl=1800),))
    (differs,) = desk.refused().problems
    removed, added = (
        [line.rpartition(" ")[2] for line in side] for side in (differs.difference.removed, differs.difference.added)
    )
    assert (removed, added) == (["900", "900"], ["1800", "1800"])
    assert all("token_" in line for line in differs.difference.added)
    assert desk.bench.vault().kv_metadata("platform", desk.bench.path) is None


def test_a_policy_whose_lines_stand_in_another_order_is_not_applied(desk, monkeypatch):
    desk.approved()
    looked = OpenBaoTarget.plan

    def turned(target):
        whole = looked(target)
        changes = [
            msgspec.structs.replace(
                each,
                differences=tuple(
                    msgspec.structs.replace(one, after="\n".join(reversed(one.after.splitlines())))
                    for one in each.differences
                ),
            )
            if each.kind == "policy"
            else each
            for each in whole.changes
        ]
        return msgspec.structs.replace(whole, changes=tuple(changes))

    monkeypatch.setattr(OpenBaoTarget, "plan", turned)
    (differs,) = desk.refused().problems
    assert sorted(differs.difference.removed) == sorted(differs.difference.added)


def test_what_changes_between_the_gate_and_a_target_is_not_applied(desk):
    desk.approved()
    approval = approval_for(desk.bench.lane, [desk.bench.plan()], {}, desk.context)
    reader = desk.bench.lane.readers[0]
    desk.bench.change(readers=(msgspec.structs.replace(reader, ttl=1800),))
    with pytest.raises(NotApproved):
        apply_target(desk.bench.target(), desk.bench.journal, YES, approval)
    assert not desk.bench.journal.log(events=("apply.begin",))


def test_the_gate_compares_the_whole_plan_before_any_target_is_changed(desk):
    desk.approved()
    plans = [desk.bench.plan()]
    assert approval_for(desk.bench.lane, plans, {}, desk.context).request.id == "CCR-2026-0001"
    other = msgspec.structs.replace(plans[0], system=System(address="https://c1", cluster="c1"))
    for differing in ([*plans, other], [other]):
        with pytest.raises(NotApproved):
            approval_for(desk.bench.lane, differing, {}, desk.context)


def test_an_approval_for_another_openbao_is_refused(desk, monkeypatch):
    desk.approved()
    monkeypatch.setattr(OpenBao, "cluster_id", lambda _: "another")
    (problem,) = desk.refused().problems
    assert (problem.__struct_config__.tag, problem.here) == ("other-openbao", "another")


def test_a_protected_lane_is_adopted_only_where_its_readers_are_as_declared(desk):
    remedy = (warden("plan", desk.bench.lane.id),)
    with pytest.raises(NotApproved) as caught:
        expect_nothing_to_approve(desk.bench.lane, desk.bench.target(), remedy)
    assert caught.value.remedy == remedy
    desk.approved()
    desk.apply()
    expect_nothing_to_approve(desk.bench.lane, desk.bench.target(), remedy)


def test_an_edit_of_the_request_makes_its_approvals_void_and_says_which_line(desk):
    request = desk.approved()
    path = desk.file(request)
    path.write_text(path.read_text().replace("ttl: 900s", "ttl: 9000s", 1))
    problem = desk.refused()
    assert kinds(problem) == {"not-proposed", "rejected", "other-scope", "missing"}
    flaw = next(flaw for each in problem.problems for flaw in getattr(each, "flaws", ()))
    assert flaw.difference.removed == ('openbao.roles[0].ttl: "900s"',)
    assert flaw.difference.added == ('openbao.roles[0].ttl: "9000s"',)
    assert look(request, desk.files, desk.people.signatures("bob")).status == "draft"


def test_an_approval_is_good_for_one_application_whatever_journal_or_file_says(desk):
    desk.approved()
    desk.apply()
    reader = desk.bench.lane.readers[0]
    desk.bench.change(readers=(msgspec.structs.replace(reader, ttl=1800),))
    request = desk.approved("widen")
    approved_file = desk.file(request).read_text()
    assert desk.apply().approved.request == request
    vault, role = desk.bench.vault("admin"), desk.bench.lane.role_name(reader)
    vault.write_role(role, vault.role(role) | {"token_ttl": 900, "token_max_ttl": 900})  # the same plan once more
    assert kinds(desk.refused()) == {"already-applied"}
    desk.file(request).write_text(approved_file)
    mark = vault.kv_metadata("platform", desk.bench.path).custom["changes"]
    vault.mark("platform", desk.bench.path, {"changes": None})
    assert kinds(desk.refused()) == {"already-applied"}  # by the journal
    vault.mark("platform", desk.bench.path, {"changes": mark})
    desk.bench.journal = desk.bench.journal_at("here", file="another.db")
    assert kinds(desk.refused()) == {"already-applied"}  # by the mark at the lane's path


def test_a_lane_file_that_drops_its_protection_is_a_change_like_any_other(desk):
    desk.approved()
    desk.apply()
    reader = desk.bench.lane.readers[0]
    more = WorkloadReader(workload=Workload("tenant", word_name("mallory")))
    desk.bench.change(protected=None, readers=(reader, more))
    assert desk.refused().request == ""
    request = desk.new("widen")
    assert any("protected" in line for line in desk.files.get(request).plan.changes)
    assert desk.files.get(request).approvers == ("bob", "carol", "dave")
    desk.say("alice", "propose", request)
    desk.say("bob", "approve", request)
    desk.say("carol", "approve", request)
    assert desk.apply().changed
    assert "protected" not in desk.bench.vault().kv_metadata("platform", desk.bench.path).custom


def test_other_approvers_in_the_file_do_not_count_before_those_whom_openbao_knows(desk):
    desk.approved()
    desk.apply()
    desk.people.add("mallory")
    desk.bench.change(protected=Protected(approvers=("mallory",), approvals=1))
    request = desk.new("change")
    desk.say("alice", "propose", request)
    desk.say("mallory", "approve", request)
    missing = [each for each in desk.refused().problems if each.__struct_config__.tag == "missing"]
    assert [(each.marked, each.waiting) for each in missing] == [(True, ("bob", "carol", "dave"))]


def test_a_reader_in_a_protected_lanes_file_gets_nothing_by_applying_another_lane(desk):
    desk.approved()
    desk.apply()
    other = desk.bench.make(word_name("other"))
    desk.bench.lanes.append(other)
    desk.bench.change(readers=(*desk.bench.lane.readers, other.readers[0]))
    apply(other, desk.context, YES)
    role = desk.bench.vault("admin").role(other.role_name(other.readers[0]))
    assert role["token_policies"] == [other.custody.policy_name]
    request = desk.approved("widen")
    assert desk.apply().approved.request == request
    role = desk.bench.vault("admin").role(other.role_name(other.readers[0]))
    assert sorted(role["token_policies"]) == sorted([other.custody.policy_name, desk.bench.lane.custody.policy_name])
    assert not apply(other, desk.context, YES).changed


def closed_elsewhere(desk: Desk):
    """The lane applied, filled and closed by somebody else; answers it as it was declared."""
    desk.approved()
    desk.apply()
    desk.bench.put()
    desk.bench.close()
    desk.bench.journal = desk.bench.journal_at("here", file="another.db")
    return desk.bench.lane


def test_a_file_that_reopens_a_closed_lane_opens_nothing(desk):
    declared = closed_elsewhere(desk)
    more = WorkloadReader(workload=Workload("tenant", word_name("mallory")))
    desk.bench.change(protected=None, status="active", readers=(*declared.readers, more))
    assert apply(desk.bench.lane, desk.context, YES).closed
    assert desk.bench.vault("admin").policy(declared.custody.policy_name) is None
    with pytest.raises(NotApproved) as caught:
        desk.bench.reopen(context=desk.context)
    assert caught.value.remedy[0].options == (("type", "reactivate"),)
    with pytest.raises(NotNow):
        desk.new("widen")


def test_a_closed_lane_is_opened_under_a_request_that_was_approved(desk):
    declared = closed_elsewhere(desk)
    request = desk.approved("reactivate")
    done = desk.bench.reopen(context=desk.context)
    assert done.opened
    assert done.approved.request == request
    assert desk.files.get(request).status == "applied"
    assert desk.bench.vault("admin").policy(declared.custody.policy_name) is not None
    opened = desk.bench.journal.log(events=("lane.opened",))[-1]
    assert opened.body["request"] == request
    assert not desk.apply().changed


def test_an_approval_to_reopen_is_not_used_up_by_a_proof_that_fails(desk):
    closed_elsewhere(desk)
    request = desk.approved("reactivate")
    tools = desk.bench.tools(audit=AuditFiles(["/nowhere"]))
    assert not desk.bench.reopen(context=desk.context, tools=tools).opened
    assert desk.files.get(request).status == "approved"
    done = desk.bench.reopen(context=desk.context)
    assert done.opened
    assert done.approved.request == request


def test_a_killed_application_goes_on_under_the_same_request(desk, monkeypatch):
    request = desk.approved()
    made = OpenBaoTarget.make
    calls: list[str] = []

    def killed_at_the_third(target, change):
        calls.append(change.kind)
        if len(calls) == 3:
            raise KeyboardInterrupt
        made(target, change)

    monkeypatch.setattr(OpenBaoTarget, "make", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        desk.apply()
    monkeypatch.setattr(OpenBaoTarget, "make", made)
    done = desk.apply()
    assert done.approved.request == request
    assert desk.files.get(request).applied is not None


def test_a_killed_application_does_not_go_on_with_a_part_of_what_was_approved_of_an_object(desk, monkeypatch):
    desk.approved()
    make = OpenBaoTarget.make
    monkeypatch.setattr(OpenBaoTarget, "make", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        desk.apply()
    monkeypatch.setattr(OpenBaoTarget, "make", make)
    looked = OpenBaoTarget.plan

    def without_a_condition(target):
        whole = looked(target)
        changes = [
            msgspec.structs.replace(each, differences=each.differences[:-1]) if each.kind == "role" else each
            for each in whole.changes
        ]
        return msgspec.structs.replace(whole, changes=tuple(changes))

    monkeypatch.setattr(OpenBaoTarget, "plan", without_a_condition)
    (differs,) = desk.refused().problems
    assert differs.difference.removed
    assert not differs.difference.added


def test_one_who_cannot_write_the_file_applies_all_the_same(desk, monkeypatch):
    request = desk.approved()
    monkeypatch.setattr(ChangeRequestFiles, "_edit", lambda *_: (_ for _ in ()).throw(UsageError("read only")))
    assert desk.apply().approved.request == request
    monkeypatch.undo()
    assert desk.files.get(request).status == "approved"
    assert not desk.apply().changed


def test_there_is_nothing_to_request_where_nothing_differs(desk):
    desk.approved()
    desk.apply()
    with pytest.raises(UsageError) as caught:
        desk.new("widen")
    assert caught.value.problem == NothingToRequest(desk.bench.lane.id)
    assert desk.files.get(desk.new("rotate")).plan.changes == ()


def test_decisions_are_journaled_and_told(desk):
    request = desk.new()
    desk.say("alice", "propose", request)
    desk.say("bob", "approve", request, comment="with the consumer's owner")
    done = [each.body for each in desk.bench.journal.log(events=("change.done",))]
    assert [(each["verb"], each.get("by")) for each in done] == [
        ("draft", None),
        ("propose", "alice"),
        ("approve", "bob"),
    ]
    assert done[-1]["comment"] == "with the consumer's owner"
    assert not desk.bench.journal.unfinished()


def test_a_lane_that_is_not_protected_needs_no_request_and_may_have_one(desk):
    desk.bench.change(protected=None)
    request = desk.new()
    desk.say("alice", "propose", request)
    assert desk.say("dave", "approve", request).status == "approved"
    done = desk.apply()
    assert done.changed
    assert done.approved is None
