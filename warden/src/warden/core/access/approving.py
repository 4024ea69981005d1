"""Approving a read: whose request it is, and whether an approval counted; pure decisions of ``warden approve``."""

from collections.abc import Iterable, Mapping

import msgspec

from warden.core.access.pending import PendingRead, approver_login
from warden.core.errors import NotNow, Refused, UsageError
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity
from warden.core.openbao.control_groups import RequestState
from warden.core.quoting import name
from warden.core.remedies import LogInAs, Remedy, warden


class RequestGone(msgspec.Struct, frozen=True):
    """OpenBao has no request with that accessor (any more)."""

    accessor: str


class NotALane(msgspec.Struct, frozen=True):
    """The request is not a read of a lane of this catalog."""

    accessor: str
    operation: str
    path: str


class OwnRequest(msgspec.Struct, frozen=True):
    """OpenBao refused an approval, since whoever asked cannot approve; ``said`` are its words."""

    lane: str
    accessor: str
    said: str


class NotCounted(msgspec.Struct, frozen=True):
    """OpenBao answered 200 to an approval and did not count it: the caller is not in the group."""

    lane: str
    accessor: str
    group: str
    who: Identity


class NothingWaits(msgspec.Struct, frozen=True):
    """No request of the lane is known here."""

    lane: str


class SeveralWait(msgspec.Struct, frozen=True):
    """Several requests of the lane wait, so one has to be named."""

    lane: str
    requests: tuple[PendingRead, ...]


class ApprovalGiven(msgspec.Struct, frozen=True):
    """An effect: the approval counts, whatever the journal has."""

    lane: str
    accessor: str


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """An approval that counted.

    ``enough``: the value can be taken now. ``already``: the caller had approved it before. ``record`` is the journal's.
    """

    request: PendingRead
    who: str
    enough: bool
    already: bool
    record: int


def lane_of(state: RequestState, accessor: str, lanes: Mapping[str, Lane]) -> Lane:
    """The lane that a request reads. Raises `UsageError` where it reads none of them, or does something else."""
    for lane in lanes.values():
        if state.operation == "read" and state.path == f"{lane.custody.mount}/data/{lane.custody.key}":
            return lane
    problem = NotALane(accessor, name(state.operation), name(state.path))
    raise UsageError(problem, subject=accessor)


def as_pending(lane: Lane, accessor: str, state: RequestState, record: Record | None) -> PendingRead:
    """The request as OpenBao has it, with what the journal knows besides."""
    body = record.body if record else {}
    groups = {each.approval.group: each.approval for each in lane.approved_readers if each.approval}
    group = str(body.get("group") or "") or " or ".join(groups)
    declared = groups.get(group)
    return PendingRead(
        lane=lane.id,
        accessor=accessor,
        group=group,
        approvals=int(body.get("approvals") or 0) or (declared.approvals if declared else 1),
        since=str(body.get("since") or ""),
        until=str(body.get("until") or ""),
        kept=bool(body.get("kept", True)),
        record=record.seq if record else 0,
        who=name(state.who) or str((body.get("identity") or {}).get("display_name") or ""),
    ).now(state)


def is_approver(state: RequestState, who: Identity) -> bool:
    """Whether the caller's approval counts."""
    return bool(who.entity) and who.entity in {each.entity for each in state.authorizations}


def gone(accessor: str) -> NotNow:
    """The error for a request that is not there."""
    return NotNow(RequestGone(accessor), system="OpenBao", subject=accessor, remedy=(warden("approve"),))


def own_request(request: PendingRead, said: str) -> Refused:
    """The error for an approval of one's own request: it was OpenBao that refused."""
    problem = OwnRequest(request.lane, request.accessor, said)
    return Refused(problem, system="OpenBao", subject=request.lane)


def not_counted(lane: Lane, request: PendingRead, who: Identity) -> Refused:
    """The error for an approval that was not counted."""
    problem = NotCounted(request.lane, request.accessor, request.group, who)
    return Refused(problem, system="OpenBao", subject=request.lane, remedy=log_in(lane, request))


def log_in(lane: Lane, request: PendingRead) -> Remedy:
    """How a member of the group logs in, and approves."""
    login = approver_login(lane, request.group)
    if login is None:
        return ()
    return (LogInAs(login.people, login.login, lane.role_of(login)), warden("approve", request.accessor))


def the_one(lane: str, found: Iterable[PendingRead]) -> PendingRead:
    """The only request of a lane. Raises `NotNow` where none waits, `UsageError` where several do."""
    waiting = tuple(found)
    if not waiting:
        raise NotNow(NothingWaits(lane), subject=lane)
    if len(waiting) > 1:
        remedy = (warden("approve", waiting[0].accessor),)
        raise UsageError(SeveralWait(lane, waiting), subject=lane, remedy=remedy)
    return waiting[0]
