"""A read that waits for approval, as `access` and `approve` know it."""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.errors import NotNow, Refused
from warden.core.lanes.approval import Approval, approver_role
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.openbao.api import Identity
from warden.core.openbao.control_groups import Kept, RequestState, Withheld
from warden.core.remedies import AskMember, AskOwner, Remedy, access, warden

REQUESTED = "access.requested"
"""The event of a read that waits for approval."""


class PendingRead(msgspec.Struct, frozen=True, kw_only=True):
    """A request, who has to approve it, and until when it can be used.

    Attributes:
        lane: what it is for.
        accessor: names the request, and gives nobody access.
        group: whose members approve.
        approvals: how many of them have to.
        given: who has so far, as OpenBao names them.
        since, until: ISO 8601 UTC.
        kept: whether OpenBao keeps it for the token that asked, so that a later run can use it.
        record: the journal's record of it; 0 where this journal has none.
        who: who asked.
    """

    lane: str
    accessor: str
    group: str
    approvals: int
    since: str
    until: str
    given: tuple[str, ...] = ()
    kept: bool = True
    record: int = 0
    who: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """What the journal keeps of it."""
        names = ("accessor", "group", "approvals", "since", "until", "kept")
        return {name: getattr(self, name) for name in names}

    def now(self, state: RequestState) -> "PendingRead":
        """The same with who has approved by now."""
        return msgspec.structs.replace(self, given=tuple(each.name for each in state.authorizations))


class AwaitsApproval(msgspec.Struct, frozen=True):
    """The value is withheld until others approve; ``waited``: this run has waited for them."""

    request: PendingRead
    waited: bool = False


class RequestEnded(msgspec.Struct, frozen=True):
    """A request ended before it was approved or used: its time was over, or somebody ended it."""

    request: PendingRead


class NotWithheld(msgspec.Struct, frozen=True):
    """OpenBao would hand out a value at once that the lane has approved first: they differ."""

    lane: str
    group: str


Progress = Literal["waiting", "silent", "interrupted"]
"""What becomes of waiting: somebody has to approve yet, OpenBao does not answer just now, or the waiting ended."""


def ends_at(since: str, ttl: int, token_ttl: int, now: dt.datetime) -> str:
    """When a request ends (ISO 8601 UTC): after its own time, or with the token that asked (0: never)."""
    own = dt.datetime.fromisoformat(since) + dt.timedelta(seconds=ttl)
    ends = min(own, now + dt.timedelta(seconds=token_ttl)) if token_ttl else own
    return ends.isoformat(timespec="seconds").replace("+00:00", "Z")


def pending(lane: Lane, approval: Approval, asked: Withheld | Kept, until: str, who: Identity) -> PendingRead:
    """The request that was made just now, or that an earlier run made."""
    return PendingRead(
        lane=lane.id,
        accessor=asked.accessor,
        group=approval.group,
        approvals=approval.approvals,
        since=asked.since,
        until=until,
        who=who.display_name,
    )


def awaits(request: PendingRead, *, waited: bool) -> NotNow:
    """The error for a value that nobody has approved yet."""
    problem = AwaitsApproval(request, waited)
    return NotNow(problem, system="OpenBao", subject=request.lane, remedy=to_approve(request))


def to_approve(request: PendingRead) -> Remedy:
    """Who has to do what."""
    return (AskMember(request.group, warden("approve", request.accessor)),)


def ended(request: PendingRead) -> NotNow:
    """The error for a request that is over."""
    again = (access(request.lane, wait=True),)
    return NotNow(RequestEnded(request), system="OpenBao", subject=request.lane, remedy=again)


def not_withheld(lane: Lane, approval: Approval) -> Refused:
    """The error for a value that came without an approval."""
    run = warden("plan", lane.id)
    remedy = (AskOwner(lane.owners.custody.repo, run=run),)
    return Refused(NotWithheld(lane.id, approval.group), system="OpenBao", subject=lane.id, remedy=remedy)


def approver_login(lane: Lane, group: str) -> PeopleReader | None:
    """How a member of the group logs in to approve."""
    return next((each for each in lane.approvers if each.role == approver_role(group)), None)
