"""Second-person access: a person gets the value only after somebody else approved, and OpenBao itself withholds it.

readers: [{people: release, login: netkingdom, approval: {group: security, approvals: 1, ttl: 1h}}]
-> policy  workload-kv-read-<secret>-approved-by-security   the lane's path, behind a control group
-> policy  workload-kv-read-<secret>-approver               what an approver asks OpenBao; no value
-> role    auth/netkingdom/role/approve-security            how an approver logs in
-> group   identity/group/name/security                     external, of the login's group of that name
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from warden.core.lanes.readers import Seconds

LONGEST_TTL = Seconds(86400)
"""A request that may wait longer is a standing one (a rule)."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who has to approve a read by a person before OpenBao hands out the value; see docs/approve.md.

    ``group`` is an identity group of OpenBao; where there is none of that name, `apply` makes one of the login mount's
    group. ``approvals`` is how many of its members have to approve; whoever asks is never one of them. ``ttl`` is how
    long a request can wait and be used.
    """

    group: str
    approvals: int = 1
    ttl: Seconds = Seconds(3600)


class ApproverGroup(NamedTuple):
    """An identity group whose members approve, and the mount where its people log in."""

    name: str
    login: str

    @property
    def path(self) -> str:
        """Where OpenBao keeps it; also its mark at a lane's path."""
        return f"{GROUPS}{self.name}"


GROUPS = "identity/group/name/"


def approved_by(policy: str, approval: Approval | None) -> str:
    """The policy of a reader: the lane's own, or the one behind a control group of those approvers."""
    return f"{policy}-approved-by-{approval.group.lower()}" if approval else policy


def approver_policy(policy: str) -> str:
    """The policy of a lane's approvers."""
    return f"{policy}-approver"


def approver_role(group: str) -> str:
    """The role that the group's members log in with to approve."""
    return f"approve-{group.lower()}"


def groups_among(marks: Sequence[str]) -> frozenset[str]:
    """The identity groups that the keys of a path's marks name."""
    return frozenset(key.removeprefix(GROUPS) for key in marks if key.startswith(GROUPS))
