"""Which decisions count, and what keeps a request from being approved: every rule, without a key or a server."""

import datetime as dt

import msgspec
import pytest

from warden.core.changes.flaws import BadSignature, Replaced
from warden.core.changes.protection import Protection
from warden.core.changes.request import (
    ChangeRequest,
    Decision,
    FrontDoor,
    RequestedAccess,
    RequestedPlan,
    RequestTarget,
    RequiredApprovals,
)
from warden.core.changes.scope import ScopeDifference, digest_of, scope_of
from warden.core.changes.verdict import Checked, Used, problems, standing
from warden.core.lanes.lane import Protected

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
TWO = (Protection(Protected(approvers=("bob", "carol", "dave"), approvals=2)),)


def request(**changes: object) -> ChangeRequest:
    found = ChangeRequest(
        id="CCR-2026-0004",
        request_type="widen",
        title="let it in",
        status="proposed",
        requester="alice",
        required=(RequiredApprovals(approvers=("bob", "carol", "dave"), approvals=2),),
        target=RequestTarget(tenant="t", workload="w", purpose="p"),
        openbao=RequestedAccess(path="platform/a/b", fields=("KEY",), policy="r"),
        front_door=FrontDoor(catalog_id="a-lane"),
        plan=RequestedPlan(changes=("openbao: create role x", "openbao: create role x ttl: 900")),
    )
    return msgspec.structs.replace(found, **changes)


class Board:
    """A request, and decisions about it as it was at the time; each with a key of its maker's own."""

    def __init__(self) -> None:
        self.request = request()
        self.checked: list[Checked] = []

    def say(
        self, verb: str, by: str, *, hours: float = -1, key: str = "", flaw: object = None, **other: object
    ) -> None:
        at = NOW + dt.timedelta(hours=hours)
        lines = scope_of(self.request)
        decision = Decision(
            decision=verb,
            request=self.request.id,
            by=by,
            at=at,
            comment="looked at it",
            digest=digest_of(lines),
            signature="x",
            expires=at + dt.timedelta(days=14) if verb == "approve" else None,
        )
        decision = msgspec.structs.replace(decision, **other)
        scopes = {**self.request.scopes, digest_of(lines): lines}
        self.request = msgspec.structs.replace(
            self.request, scopes=scopes, decisions=(*self.request.decisions, decision)
        )
        self.checked.append(Checked(decision=decision, key=key or f"key of {by}", flaw=flaw))

    def edit(self, **changes: object) -> None:
        self.request = msgspec.structs.replace(self.request, **changes)

    @property
    def standing(self):
        return standing(self.request, self.checked, NOW)

    def problems(self, needed=TWO, used: Used | None = None):
        return problems(self.request, self.standing, needed, used or Used())

    def kinds(self, **how: object) -> list[str]:
        found = []
        for each in self.problems(**how):
            flaws = getattr(each, "flaws", None)
            found += [f"{each.by}: {flaw.__struct_config__.tag}" for flaw in flaws] if flaws else []
            found += [] if flaws else [each.__struct_config__.tag]
        return found


@pytest.fixture
def board() -> Board:
    found = Board()
    found.say("propose", "alice", hours=-3)
    return found


@pytest.fixture
def approved(board) -> Board:
    board.say("approve", "bob", hours=-2)
    board.say("approve", "carol")
    return board


def test_two_of_three_who_are_not_the_requester_are_enough(approved):
    assert approved.problems() == ()
    assert [each.by for each in approved.standing.approvals] == ["bob", "carol"]


def test_the_order_in_the_file_does_not_matter(approved):
    approved.checked.reverse()
    assert approved.problems() == ()


def test_one_is_missing_and_it_is_said_who_still_can(board):
    board.say("approve", "bob")
    (missing,) = board.problems()
    assert (missing.approvals, missing.of, missing.waiting) == (1, 2, ("carol", "dave"))


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"flaw": BadSignature()}, "carol: bad-signature"),
        ({"request": "CCR-2026-0009"}, "carol: other-request"),
        ({"digest": f"sha256:{'0' * 64}"}, "carol: scope-edited"),
        ({"expires": NOW - dt.timedelta(seconds=1)}, "carol: expired"),
        ({"expires": NOW}, "carol: expired"),
        ({"expires": None}, "carol: no-expiry"),
        ({"expires": NOW + dt.timedelta(days=90)}, "carol: no-expiry"),
        ({"hours": 0.2}, "carol: in-the-future"),
        ({"at": NOW + dt.timedelta(minutes=5, seconds=1)}, "carol: in-the-future"),
        ({"comment": " "}, "carol: no-comment"),
        ({"key": "key of bob"}, "carol: same-person"),
        ({"key": "key of alice"}, "carol: self-approval"),
    ],
)
def test_an_approval_with_a_flaw_does_not_count(board, how, kind):
    board.say("approve", "bob")
    board.say("approve", "carol", **how)
    assert kind in board.kinds()
    assert "missing" in board.kinds()


def test_clocks_may_be_a_little_apart(board):
    board.say("approve", "bob", hours=0.05)
    board.say("approve", "carol", at=NOW + dt.timedelta(minutes=5))
    assert board.problems() == ()


def test_the_requester_does_not_approve_even_if_the_lane_names_them(board):
    needed = (Protection(Protected(approvers=("alice", "bob"), approvals=2)),)
    board.say("approve", "alice", key="another key of alice")
    board.say("approve", "bob")
    assert board.kinds(needed=needed) == ["alice: self-approval", "missing"]
    assert board.problems(needed)[-1].waiting == ()


def test_nobody_who_ever_proposed_it_approves_it(board):
    board.edit(requester="bob")
    board.say("propose", "bob", hours=-2)
    board.say("approve", "alice")
    needed = (Protection(Protected(approvers=("alice", "bob"), approvals=1)),)
    assert "alice: self-approval" in board.kinds(needed=needed)


def test_somebody_who_is_not_named_does_not_count(board):
    board.say("approve", "bob")
    board.say("approve", "mallory")
    assert board.kinds() == ["mallory: not-an-approver", "missing"]


def test_approving_twice_is_approving_once(board):
    board.say("approve", "bob", hours=-2)
    board.say("approve", "bob", hours=-1)
    assert [each.approvals for each in board.problems()] == [1]
    assert [each.flaws for each in board.standing.judged] == [(), (Replaced(),), ()]


def test_who_wants_changes_after_all_takes_their_approval_back(approved):
    approved.say("needs-changes", "carol", hours=-0.5)
    assert approved.kinds() == ["stopped", "missing"]
    assert [each.flaws for each in approved.standing.judged] == [(), (), (Replaced(),), ()]


def test_an_approval_that_expired_can_be_given_again(approved):
    approved.checked[2] = msgspec.structs.replace(
        approved.checked[2], decision=msgspec.structs.replace(approved.checked[2].decision, expires=NOW)
    )
    assert approved.kinds() == ["carol: expired", "missing"]
    approved.say("approve", "carol", hours=-0.5)
    assert approved.problems() == ()


def test_a_change_of_scope_makes_approvals_void_and_says_which_line_did_it(approved):
    changed = RequestedPlan(changes=("openbao: create role x", "openbao: create role x ttl: 3600"))
    approved.edit(plan=changed)
    assert approved.kinds() == [
        *("not-proposed", "alice: other-scope", "bob: other-scope", "carol: other-scope"),
        "missing",
    ]
    (flaw,) = approved.standing.judged[1].flaws
    assert flaw.difference == ScopeDifference(
        removed=("plan: openbao: create role x ttl: 900",), added=("plan: openbao: create role x ttl: 3600",)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "something else"},
        {"request_type": "narrow"},
        {"target": RequestTarget(tenant="t", workload="w", purpose="another")},
        {"openbao": RequestedAccess(path="platform/a/b", fields=("KEY", "MORE"), policy="r")},
        {"required": (RequiredApprovals(approvers=("bob",), approvals=1),)},
        {"plan": RequestedPlan(changes=("openbao: create role x ttl: 900", "openbao: create role x"))},
        {"risk": "some"},
    ],
)
def test_whatever_is_asked_for_is_a_part_of_the_scope(approved, changes):
    approved.edit(**changes)
    assert "missing" in approved.kinds()


@pytest.mark.parametrize("changes", [{"status": "draft"}, {"status": "applied"}])
def test_how_far_it_is_is_not(approved, changes):
    approved.edit(**changes)
    assert approved.problems() == ()


def test_nothing_is_taken_from_the_words_of_the_file():
    board = Board()
    board.edit(status="approved")
    assert board.kinds() == ["not-proposed", "missing"]


def test_a_requester_who_did_not_sign_is_none(board):
    board.edit(requester="somebody-else")
    board.say("propose", "alice")
    assert "alice: not-the-requester" in board.kinds()


@pytest.mark.parametrize("verb", ["deny", "withdraw", "needs-changes"])
@pytest.mark.parametrize("flaw", [None, BadSignature()])
def test_what_stops_it_stops_it_whether_or_not_it_can_be_verified(approved, verb, flaw):
    approved.say(verb, "dave", flaw=flaw, hours=-0.5)
    assert "stopped" in approved.kinds()


def test_wanted_changes_are_made_by_proposing_again(approved):
    approved.say("needs-changes", "dave", hours=-0.5)
    approved.say("propose", "alice", hours=-0.2)
    assert approved.problems() == ()


def test_a_denial_is_final(approved):
    approved.say("deny", "dave", hours=-0.5)
    approved.say("propose", "alice", hours=-0.2)
    assert approved.kinds() == ["stopped"]


def test_who_denies_has_no_approval_left(approved):
    approved.say("deny", "bob", hours=-0.5)
    assert [each.by for each in approved.standing.approvals] == ["carol"]


def test_an_application_uses_it_up(approved):
    (used,) = approved.problems(used=Used(applied=True, at="2026-11-30T11:00:00Z", record=7))
    assert (used.at, used.record) == ("2026-11-30T11:00:00Z", 7)


def test_a_record_of_the_earlier_system_approves_nothing(approved):
    approved.edit(origin="earlier-system")
    assert approved.kinds() == ["earlier-system"]


def test_the_mark_in_openbao_and_the_file_both_have_to_be_satisfied(approved):
    marked = Protection(Protected(approvers=("erin",), approvals=1), marked=True, mark="1 of erin")
    (*_, missing) = approved.problems((*TWO, marked))
    assert (missing.marked, missing.of, missing.waiting) == (True, 1, ("erin",))


def test_a_mark_that_cannot_be_read_is_satisfied_by_nobody(approved):
    (wrong,) = approved.problems((Protection(None, marked=True, mark="everybody"),))
    assert wrong.mark == "everybody"
