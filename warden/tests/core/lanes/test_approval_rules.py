"""What a people's reader may say of approvals, and what two lanes cannot both name."""

import msgspec
import pytest

from warden.core.lanes.approval import Approval
from warden.core.lanes.approval_rules import approval_faults
from warden.core.lanes.catalog import Platform
from warden.core.lanes.lane import LoginMount, PeopleReader, Workload, WorkloadReader
from warden.core.lanes.rules import across
from warden.core.lanes.shared_names import SharedNames

LONGER = "is longer than the reader's token lives (15m), and a request ends with it; raise ttl"


def faults(lane, *readers):
    changed = msgspec.structs.replace(lane, readers=readers)
    return [f"{'warning: ' if warning else ''}{field}: {clause}" for field, clause, warning in approval_faults(changed)]


def people(group="leads", *, people="devs", role=None, login="corp", ttl=3600, **approval):
    return PeopleReader(
        people=people, login=login, role=role, ttl=ttl, approval=Approval(**{"group": group} | approval)
    )


def test_an_approval_that_can_work_is_right(lane_of):
    assert faults(lane_of("a"), people(), WorkloadReader(workload=Workload("t", "a"))) == []


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (
            people('x"] approvals = 0 }'),
            "readers[0].approval.group: is not a valid name; allowed: letters, digits, . _ - inside, at most 64",
        ),
        (people(approvals=0), "readers[0].approval.approvals: is 0; write 1 to 10, or remove approval:"),
        (people(approvals=11), "readers[0].approval.approvals: is 11; write 1 to 10, or remove approval:"),
        (people(ttl=90000), None),
        (
            people("devs"),
            "warning: readers[0].approval.group: is the group that reads: its members approve for each other",
        ),
    ],
)
def test_what_is_wrong_is_named(lane_of, reader, said):
    assert faults(lane_of("a"), reader) == ([said] if said else [])


@pytest.mark.parametrize(
    ("ttl", "login", "said"),
    [
        (0, 900, "readers[0].approval.ttl: is 0s; a request can wait 1s to 24h"),
        (86401, 86401, "readers[0].approval.ttl: is 86401s; a request can wait 1s to 24h"),
        (
            901,
            900,
            f"warning: readers[0].approval.ttl: {LONGER}",
        ),
    ],
)
def test_a_request_that_cannot_be_used_is_named(lane_of, ttl, login, said):
    reader = PeopleReader(people="devs", login="corp", ttl=login, approval=Approval(group="leads", ttl=ttl))
    assert faults(lane_of("a"), reader) == [said]


def test_a_group_approves_all_readers_of_a_lane_alike(lane_of):
    found = faults(lane_of("a"), people(role="one"), people(role="two", approvals=2), people("others", role="three"))
    clause = "differs from readers[0].approval; a group approves every reader of a lane alike"
    assert found == [f"readers[1].approval: {clause}"]


def named(*lanes):
    names = SharedNames()
    return [f"{field}: {clause}" for lane in lanes for field, clause in names.faults(lane)]


def test_a_group_is_of_one_login_mount_and_its_role_is_the_approvers_alone(lane_of):
    one = msgspec.structs.replace(lane_of("a"), readers=(people(),))
    other = msgspec.structs.replace(lane_of("b"), readers=(people(login="other"),))
    assert named(one, other) == [
        "readers[0].approval.group: is already leads of the login corp (a); name another group"
    ]
    reader = msgspec.structs.replace(
        lane_of("c"), readers=(PeopleReader(people="x", login="corp", role="approve-leads"),)
    )
    assert named(one, reader) == [
        "readers[0].role: approve-leads on corp is already the role of another reader (a); name another"
    ]
    assert named(one, msgspec.structs.replace(lane_of("d"), readers=(people(people="devs", role="d"),))) == []


def test_a_policy_of_approvals_is_one_of_the_names_that_no_other_lane_may_have(lane_of):
    one = msgspec.structs.replace(lane_of("a"), readers=(people(),))
    other = lane_of("b")
    custody = msgspec.structs.replace(other.custody, policy=one.policy_of(one.readers[0]))
    taken = msgspec.structs.replace(other, custody=custody)
    found = across([one, taken], Platform(logins={"corp": LoginMount()}))
    assert [each.field for each in found["b"]] == ["custody.policy"]
