"""A change request: the shape of ``platform/change-requests/CCR-YYYY-NNNN.yaml``.

What it asks for is its scope (`scope`); a decision is somebody's signature under one scope (`statement`). What is
below is what the file has: whether its decisions hold is `verdict`'s to say, whatever ``status`` claims.
"""

import datetime as dt
import re
from typing import Literal

import msgspec

ID = re.compile(r"CCR-(20[0-9]{2})-([0-9]{4})", re.ASCII)
"""A change request's id: the year, and a number in it."""

RequestType = Literal["create", "widen", "narrow", "change", "rotate", "deactivate", "reactivate", "compromise"]
Status = Literal[
    "draft",
    "proposed",
    "needs_changes",
    "approved",
    "denied",
    "apply_pending",
    "applied",
    "verified",
    "active",
    "deactivated",
    "rotated",
    "compromised",
    "superseded",
    "cancelled",
]
Verb = Literal["propose", "approve", "deny", "needs-changes", "withdraw"]
"""What somebody can say of a request, and sign."""

STATUS_AFTER: dict[Verb, Status] = {
    "propose": "proposed",
    "approve": "proposed",  # `approved` once there are enough of them
    "deny": "denied",
    "needs-changes": "needs_changes",
    "withdraw": "cancelled",
}
OVER: frozenset[Status] = frozenset({"denied", "cancelled", "superseded"})
"""Nothing follows after these."""
LONGEST = dt.timedelta(days=90)
"""An approval is good for no longer."""
PLANNED: frozenset[RequestType] = frozenset({"create", "widen", "narrow", "change", "reactivate"})
"""The types that change OpenBao or a cluster as the lane's file says, so that they have a plan."""


class RequiredApprovals(msgspec.Struct, frozen=True, kw_only=True):
    """How many of whom have to approve."""

    approvers: tuple[str, ...]
    approvals: int = 1


class RequestTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Whose credential it is, and what it is for. ``environment`` is one of platform.yaml."""

    tenant: str
    workload: str
    purpose: str
    environment: str | None = None


class RequestedRole(msgspec.Struct, frozen=True, kw_only=True):
    """An auth role of the lane: who logs in by it (``bound``), and how long its tokens live."""

    role: str
    bound: str
    ttl: str | None = None


class RequestedAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What the lane is in OpenBao. ``cluster_id`` is the server that the plan was made with."""

    path: str
    fields: tuple[str, ...]
    policy: str
    roles: tuple[RequestedRole, ...] = ()
    mount: str | None = None
    cluster_id: str | None = None
    namespace: str | None = None


class FrontDoor(msgspec.Struct, frozen=True, kw_only=True):
    """The lane as its catalog entry shows it."""

    catalog_id: str
    resolvable: bool | None = None
    readiness: str | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be allowed and what has to be denied afterwards; ``evidence`` may be added at any time."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class PlanOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``warden plan`` that the plan was made with."""

    clusters: tuple[str, ...] = ()
    custody_only: bool = False
    create_namespace: bool = False
    take_over: bool = False


class RequestedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What ``apply`` would do, a line for each object and each field of it; see docs/change.md."""

    changes: tuple[str, ...] = ()
    options: PlanOptions = PlanOptions()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said, when, and their SSH signature under it.

    ``digest`` is the SHA-256 of what it was said of, which ``scopes`` has line by line. ``signature`` is an SSH
    signature (PROTOCOL.sshsig) without its armour.
    """

    decision: Verb
    request: str
    by: str
    at: dt.datetime
    comment: str
    digest: str
    signature: str
    expires: dt.datetime | None = None


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """That ``apply`` made the plan so: when, by whom, and the journal's record of it."""

    at: dt.datetime
    by: str
    record: int
    journal: str | None = None


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a lane that somebody asks for; see docs/change.md.

    ``requester`` is who proposed it, by their signature. ``origin: earlier-system`` is a record that was taken over:
    it has no signatures and approves nothing. ``required`` repeats what the lane's file and the mark of its path in
    OpenBao said when it was drafted; where both say something, both have to be satisfied, and what they say when it is
    applied is what counts. ``scopes`` has, by its digest, each text that somebody decided about, so
    that a change after a decision can be named. ``risk``, ``references`` and ``lifecycle`` are for people.
    """

    id: str
    request_type: RequestType
    title: str
    status: Status
    target: RequestTarget
    openbao: RequestedAccess
    front_door: FrontDoor
    origin: Literal["warden", "earlier-system"] = "warden"
    requester: str | None = None
    required: tuple[RequiredApprovals, ...] = ()
    delivery: tuple[str, ...] = ()
    risk: str | None = None
    verification: Verification = Verification()
    lifecycle: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    plan: RequestedPlan = RequestedPlan()
    decisions: tuple[Decision, ...] = ()
    scopes: dict[str, tuple[str, ...]] = {}
    applied: Application | None = None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Everybody who may approve it; empty: anybody who did not request it."""
        return tuple(dict.fromkeys(name for each in self.required for name in each.approvers))

    @property
    def lane(self) -> str:
        """The id of the lane that it is about."""
        return self.front_door.catalog_id
