"""OpenBao's identity groups, whose members approve."""

from typing import Protocol

from warden.core.lanes.approval import ApproverGroup
from warden.core.openbao.identity_groups import ObservedGroup


class Groups(Protocol):
    """Looks at identity groups, and makes those that lanes name as approvers."""

    def observe(self, group: ApproverGroup) -> ObservedGroup:
        """The group of that name, and which one has its alias at the login mount (not asked for without a mount)."""

    def write(self, group: ApproverGroup) -> None:
        """Make it an external group of ours, without policies, that stands for the login mount's group of its name."""

    def delete(self, name: str) -> None:
        """Delete it; does nothing where it does not exist."""
