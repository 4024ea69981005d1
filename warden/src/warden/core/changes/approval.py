"""An approved change request as the licence to apply a plan."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.core.changes.plan_lines import lines_of_system, not_approved, plan_lines
from warden.core.changes.request import ChangeRequest
from warden.core.plans.lane_plan import ApprovedBy
from warden.core.plans.plan import Plan


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """The request that lets a plan be applied, and who approved it.

    ``begun``: an earlier application of it did not come to its end.
    """

    request: ChangeRequest
    digest: str
    approvers: tuple[str, ...]
    begun: bool = False

    @property
    def quoted(self) -> ApprovedBy:
        """As a receipt quotes it."""
        return ApprovedBy(
            request=self.request.id,
            request_type=self.request.request_type,
            digest=self.digest,
            approvers=self.approvers,
        )

    @property
    def facts(self) -> Mapping[str, Any]:
        """As the journal quotes it."""
        return {"request": self.request.id, "digest": self.digest, "approved_by": list(self.approvers)}

    def covers(self, plan: Plan) -> bool:
        """Whether what one target's plan would change is what was approved of that target.

        Once it was begun, objects may be left out: they were made. What is left of an object is all of it.
        """
        approved, found = lines_of_system(self.request.plan.changes, plan.system), plan_lines([plan])
        return not not_approved(approved, found) and (self.begun or sorted(found) == sorted(approved))
