"""What keeps a command on change requests from being done, as errors with typed problems."""

from collections.abc import Sequence

import msgspec

from warden.core.changes.flaws import Problem, Rejected
from warden.core.changes.request import Status, Verb
from warden.core.errors import Effect, Fault, Held, Invalid, NotFound, NotNow, Refused, UsageError
from warden.core.lanes.catalog import nearest
from warden.core.remedies import Remedy, warden


class RequestWithFaults(msgspec.Struct, frozen=True):
    """The request's file has errors, so it cannot be used."""

    request: str


class UnknownRequest(msgspec.Struct, frozen=True):
    """There is no such request; ``nearest`` are the ids that look most like it."""

    request: str
    nearest: tuple[str, ...]


class RequestEdited(msgspec.Struct, frozen=True):
    """Somebody changed the request's file since it was read."""

    request: str


class NothingToRequest(msgspec.Struct, frozen=True):
    """OpenBao and the clusters are as the lane's file says: there is nothing to ask for."""

    lane: str


class NotOpenForThat(msgspec.Struct, frozen=True):
    """The request's state does not allow what was asked: a draft has to be proposed first, a denial is final."""

    request: str
    status: Status
    verb: Verb


class DecisionRefused(msgspec.Struct, frozen=True):
    """A decision that would not count, and why."""

    request: str
    rejected: Rejected


class ApprovalNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The lane is protected, and no change request lets this plan be applied.

    ``request`` is the one that comes nearest, with everything that keeps it from that; empty where there is none.
    """

    lane: str
    request: str = ""
    problems: tuple[Problem, ...] = ()
    faulty: tuple[str, ...] = ()


class NotApproved(Refused):
    """A protected lane is to be changed, and those who have to approve that have not."""

    kind = "not-approved"
    problem: ApprovalNeeded


def unknown(request_id: str, known: Sequence[str]) -> NotFound:
    """The error for an id that no file has."""
    near = tuple(nearest(request_id, known))
    return NotFound(
        UnknownRequest(request_id, near),
        effect=Effect.NOTHING_DONE,
        system="platform",
        subject=request_id,
        remedy=(warden("change show", near[0]) if near else warden("change list", all=True),),
    )


def invalid(request_id: str, faults: Sequence[Fault]) -> Invalid:
    """The error for a request whose file has errors."""
    return Invalid(
        faults,
        RequestWithFaults(request_id),
        effect=Effect.NOTHING_DONE,
        subject=request_id,
        remedy=(warden("catalog check"),),
    )


def edited_meanwhile(request_id: str) -> Held:
    """The error for a file that is not what was read."""
    return Held(
        RequestEdited(request_id),
        effect=Effect.NOTHING_WRITTEN,
        system="platform",
        subject=request_id,
        remedy=(warden("change show", request_id),),
    )


def nothing_to_request(lane_id: str) -> UsageError:
    """The error for a plan without changes."""
    return UsageError(
        NothingToRequest(lane_id), effect=Effect.NOTHING_CREATED, subject=lane_id, remedy=(warden("plan", lane_id),)
    )


def not_open_for(request_id: str, status: Status, verb: Verb) -> NotNow:
    """The error for a decision that the request's state does not allow."""
    following: Remedy = (warden("change show", request_id),)
    if status == "draft" and verb != "propose":
        following = (warden("change propose", request_id),)
    return NotNow(
        NotOpenForThat(request_id, status, verb), effect=Effect.NOTHING_WRITTEN, subject=request_id, remedy=following
    )


def refused(request_id: str, rejected: Rejected) -> Refused:
    """The error for a decision by somebody who cannot make it."""
    return Refused(
        DecisionRefused(request_id, rejected),
        effect=Effect.NOTHING_WRITTEN,
        system="platform",
        subject=request_id,
        remedy=(warden("change show", request_id),),
    )
