"""Who has to approve: names that allowed_signers can have, and a number that they reach."""

import pytest

from warden.core.lanes.lane import Protected
from warden.core.lanes.protection_rules import of_protection


def faults(*approvers: str, approvals: int = 1) -> list[str]:
    found = of_protection(Protected(approvers=approvers, approvals=approvals))
    return [f"{field}: {clause}" for field, clause in found]


def test_names_that_reach_the_number_are_fine():
    assert faults("alice@example.org", "bob", "carol+sec.ops_1", approvals=3) == []


@pytest.mark.parametrize("name", ["*", "al?ce", "!bob", "a,b", "a b", "", "-x", "é", "x" * 65, "a\nb"])
def test_what_is_a_pattern_or_ends_one_is_not_a_name(name):
    assert faults("alice", name)[0].startswith("protected.approvers[1]: is not a name")


@pytest.mark.parametrize(
    ("approvers", "approvals", "fault"),
    [
        ((), 1, "protected.approvers: is empty; name those who may approve, as allowed_signers names them"),
        (("alice", "alice"), 1, "protected.approvers[1]: is listed twice"),
        (("alice", "alice"), 2, "protected.approvals: is 2, and approvers has 1"),
        (("alice",), 0, "protected.approvals: is 0; write 1 or more, or remove protected:"),
        (("alice", "bob"), 3, "protected.approvals: is 3, and approvers has 2"),
    ],
)
def test_a_number_that_nobody_reaches_is_an_error(approvers, approvals, fault):
    assert fault in faults(*approvers, approvals=approvals)


def test_more_names_than_openbao_keeps_are_refused():
    long = [f"{number:02}{'x' * 60}" for number in range(9)]
    assert faults(*long) == [
        "protected.approvers: is longer than OpenBao keeps at the lane's path (512 bytes); name fewer"
    ]
    assert faults(*long[:7]) == []
