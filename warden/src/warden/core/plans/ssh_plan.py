"""What differs of one actor or host of the inventory, on OpenBao: it has no other target."""

from typing import Literal

import msgspec

from warden.core.errors import Exit
from warden.core.plans.lane_plan import LaneOptions, apply_again, needing_consent
from warden.core.plans.plan import Plan
from warden.core.remedies import RunWarden


class SshPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of one actor or host."""

    subject: str
    kind: Literal["actor", "host"]
    plan: Plan
    options: LaneOptions

    @property
    def to_change(self) -> int:
        """How many objects differ."""
        return len(self.plan.to_change)

    @property
    def blocked(self) -> int:
        """How many of them `apply` refuses to touch."""
        return len(self.plan.blocked)

    @property
    def as_declared(self) -> int:
        """How many objects do not differ."""
        return len(self.plan.changes) - self.to_change

    @property
    def exit(self) -> Exit:
        """In sync, or different."""
        return Exit.NO if self.to_change else Exit.DONE

    @property
    def next(self) -> RunWarden:
        """The command that does what was planned, with the consent that it needs."""
        return apply_again(self.subject, self.options, yes=bool(needing_consent([self.plan], self.options)))
