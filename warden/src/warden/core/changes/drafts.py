"""A lane and its plan -> the draft of a change request: everything that the lane's file says already is filled in."""

from collections.abc import Iterator, Sequence

import msgspec

from warden.core.changes.protection import Protection
from warden.core.changes.request import (
    ChangeRequest,
    FrontDoor,
    PlanOptions,
    RequestedAccess,
    RequestedPlan,
    RequestedRole,
    RequestTarget,
    RequestType,
    RequiredApprovals,
    Verification,
)
from warden.core.lanes.lane import Lane, Reader
from warden.core.routes.route import Route, RouteReader, declared_route

_TENANT = 2
"""The tenant is the third segment of ``mount/workloads/TENANT/WORKLOAD/SECRET``."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of the request; what is empty follows from the lane."""

    title: str = ""
    purpose: str = ""
    risk: str = ""
    environment: str = ""


def drafted(
    request_id: str,
    lane: Lane,
    *,
    request_type: RequestType,
    words: Words,
    lines: Sequence[str],
    options: PlanOptions,
    needed: Sequence[Protection],
    where: tuple[str | None, str | None],
) -> ChangeRequest:
    """The draft; `needed` is who has to approve, `where` the server's cluster id and the namespace of the plan."""
    found = declared_route(lane)
    tenant, workload = _whose(lane)
    return ChangeRequest(
        id=request_id,
        request_type=request_type,
        title=words.title or f"{request_type} {lane.id}",
        status="draft",
        required=tuple(
            RequiredApprovals(approvers=each.protected.approvers, approvals=each.protected.approvals)
            for each in needed
            if each.protected
        ),
        target=RequestTarget(
            tenant=tenant,
            workload=workload,
            purpose=words.purpose or lane.title,
            environment=words.environment or None,
        ),
        openbao=RequestedAccess(
            path=lane.custody.path,
            fields=lane.custody.fields,
            policy=lane.custody.policy_name,
            roles=tuple(map(_role, lane.readers, found.readers)),
            mount=lane.custody.mount,
            cluster_id=where[0],
            namespace=where[1],
        ),
        front_door=FrontDoor(catalog_id=lane.id, resolvable=found.resolvable, readiness=lane.status),
        delivery=tuple(f"{each.cluster}: {each.how} {each.secret}" for each in found.deliveries),
        risk=words.risk or None,
        verification=Verification(positive=tuple(_positive(found)), negative=tuple(_negative(found))),
        lifecycle=tuple(_lifecycle(lane)),
        plan=RequestedPlan(changes=tuple(lines), options=options),
    )


def _whose(lane: Lane) -> tuple[str, str]:
    """Tenant and workload, as the path has them by convention; its folders where it has other ones."""
    folders = lane.custody.path.split("/")[:-1]
    return (folders[_TENANT] if len(folders) > _TENANT else folders[-1]), folders[-1]


def _role(reader: Reader, found: RouteReader) -> RequestedRole:
    audience = f", audience {found.audience}" if found.audience else ""
    folder = "certs" if found.kind == "certificate" else "role"
    return RequestedRole(
        role=f"auth/{found.mount}/{folder}/{found.role}",
        bound=f"{found.kind} {found.subject}{audience}",
        ttl=f"{int(reader.ttl)}s",
    )


def _positive(route: Route) -> Iterator[str]:
    for reader in route.readers:
        yield f"{reader.subject} reads {', '.join(route.fields)}"


def _negative(route: Route) -> Iterator[str]:
    yield f"every probe of `warden prove {route.id}` that has to be denied is denied"


def _lifecycle(lane: Lane) -> Iterator[str]:
    if lane.playbook:
        yield f"playbook {lane.playbook}"
