"""The route to a credential: where it is, whose it is, how to get it, and what was proven of it.

`declared_route` is the part that follows from the file of the entry; `with_state` adds what the journal says of it.
Nothing is claimed that was not measured: a proof that is too old is shown as ``stale``.
"""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.journal.record import LaneState
from warden.core.lanes.approval import Approval
from warden.core.lanes.catalog import Certificate, Entry, Login, Pointer, kind_of
from warden.core.lanes.lane import Lane, PeopleReader, Reader, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader, MachineReader
from warden.core.lanes.rules import placeholders
from warden.core.remedies import RunWarden, access
from warden.core.routes.freshness import Standing, last_proof
from warden.core.routes.proof_summary import Declaration


class RouteProof(msgspec.Struct, frozen=True, kw_only=True):
    """How the last proof stands, and its counts; ``at`` is ISO 8601 UTC."""

    state: Standing = "unproven"
    at: str | None = None
    passed: int = 0
    failed: int = 0
    total: int = 0


class RouteActor(msgspec.Struct, frozen=True, kw_only=True):
    """How the last proof of an actor stands, whose certificates are had this way; as `RouteProof`."""

    actor: str
    state: Standing = "unproven"
    at: str | None = None
    passed: int = 0
    failed: int = 0
    total: int = 0


class RouteReader(msgspec.Struct, frozen=True, kw_only=True):
    """A declared reader: ``subject`` is ``namespace/name``, a group, or what a machine is known by.

    ``audience`` is what a workload's or a job's token has to be for; others have none. ``approval`` says who has to
    approve each read.
    """

    kind: Literal["workload", "people", "github", "gitlab", "approle", "certificate"]
    subject: str
    mount: str
    role: str
    audience: str | None
    approval: Approval | None = None


class RouteDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster gets the value: ``how`` is ``external-secret`` or ``by-hand``, ``refresh`` in seconds."""

    cluster: str
    how: Literal["external-secret", "by-hand"]
    secret: str
    store: str | None
    refresh: int | None


class FinishDraft(msgspec.Struct, frozen=True, tag="finish-draft"):
    """Next: the owner finishes the draft; one that is proven only has to be promoted."""

    owner: str
    proven: str = ""


class Reopen(msgspec.Struct, frozen=True, tag="reopen"):
    """Next: the owner opens the lane again, which is closed since then (ISO 8601 UTC)."""

    owner: str
    since: str


class Declared(msgspec.Struct, frozen=True, tag="declared"):
    """Next: what the entry's file says, a sentence or a command."""

    text: str


Next = RunWarden | FinishDraft | Reopen | Declared


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a credential comes from, whose it is, and what to do next.

    `present.routes` prints it by the names that ``warden route show ID --json`` promises. ``resolvable``: declared
    active, exec-capable, no placeholder left, not closed in the journal. ``role`` is the first reader's; all of them
    are in ``readers``. ``actors`` are those whose certificates are had this way, and ``proof`` is what theirs add up
    to, the oldest one's time. ``closed`` is when it was closed, ISO 8601 UTC. ``mount`` is the path's where it has
    several segments, else empty.
    """

    id: str
    kind: str
    title: str
    status: str
    owner_repo: str
    owners: dict[str, str]
    subsystem: str
    warden_role: Literal["issue", "assist", "route"]
    warden_executes: bool
    exec_capable: bool
    resolvable: bool
    auth_method: str
    path: str | None
    fields: tuple[str, ...]
    policy: str | None
    role: str | None
    readers: tuple[RouteReader, ...]
    needs: tuple[str, ...]
    tags: tuple[str, ...]
    playbook: str | None
    reviewed: dt.date
    next: Next
    closed: str | None = None
    proof: RouteProof = RouteProof()
    deliveries: tuple[RouteDelivery, ...] = ()
    actors: tuple[RouteActor, ...] = ()
    mount: str = ""


def route(entry: Entry, state: LaneState | None, now: dt.datetime, counts_for: dt.timedelta) -> Route:
    """The entry's route as it is now; `state` is what the journal says of it, a proof counts for that long."""
    return with_state(declared_route(entry), state, now, counts_for)


def declared_route(entry: Entry) -> Route:
    """The part of an entry's route that only its file decides."""
    return _of_lane(entry) if isinstance(entry, Lane) else _of_signpost(entry)


def _of_lane(lane: Lane) -> Route:
    first = lane.readers[0]
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    resolvable = lane.status == "active" and not placeholders(lane.custody.path)
    custody = lane.owners.custody.repo
    return Route(
        id=lane.id,
        kind="lane",
        title=lane.title,
        status=lane.status,
        owner_repo=custody,
        owners={stretch: owner.repo for stretch, owner in owners.items() if owner is not None},
        subsystem="openbao",
        warden_role="assist",
        warden_executes=False,
        exec_capable=True,
        resolvable=resolvable,
        auth_method=first.mount,
        path=lane.custody.path,
        fields=lane.custody.fields,
        policy=lane.custody.policy_name,
        role=lane.role_of(first),
        readers=tuple(_reader(lane, reader) for reader in lane.readers),
        needs=lane.needs,
        tags=lane.tags,
        playbook=lane.playbook,
        reviewed=lane.reviewed,
        next=access(lane.id) if resolvable else FinishDraft(custody),
        deliveries=_deliveries(lane),
        mount=lane.custody.mount if "/" in lane.custody.mount else "",
    )


def _deliveries(lane: Lane) -> tuple[RouteDelivery, ...]:
    return tuple(
        RouteDelivery(
            cluster=cluster,
            how="external-secret" if one.external_secret else "by-hand",
            secret=one.external_secret or one.bootstrap_secret or "",
            store=one.store,
            refresh=one.refresh if one.external_secret else None,
        )
        for cluster, one in lane.deliveries.items()
    )


def _reader(lane: Lane, reader: Reader) -> RouteReader:
    role = lane.role_of(reader)
    if isinstance(reader, WorkloadReader):
        subject = str(reader.workload)
        return RouteReader(kind="workload", subject=subject, mount=reader.mount, role=role, audience=reader.audience)
    if isinstance(reader, PeopleReader):
        return RouteReader(
            kind="people",
            subject=reader.people,
            mount=reader.mount,
            role=role,
            audience=None,
            approval=reader.approval,
        )
    audience = reader.audience if isinstance(reader, GithubReader | GitlabReader) else None
    return RouteReader(
        kind=_MACHINES[type(reader)], subject=_bound(reader), mount=reader.mount, role=role, audience=audience
    )


_MACHINES: dict[type, Literal["github", "gitlab", "approle", "certificate"]] = {
    GithubReader: "github",
    GitlabReader: "gitlab",
    AppRoleReader: "approle",
    CertificateReader: "certificate",
}


def _bound(reader: MachineReader) -> str:
    """What the reader is known by: a job by every claim that its token has to have."""
    if isinstance(reader, AppRoleReader):
        return " from ".join([reader.approle, *reader.cidrs])
    if isinstance(reader, CertificateReader):
        return f"{reader.certificate} signed by {reader.ca}"
    return ", ".join(f"{name} {' or '.join(texts)}" for name, texts in reader.claims.items())


def _of_signpost(entry: Certificate | Login | Pointer) -> Route:
    executes = isinstance(entry, Certificate)
    templated = isinstance(entry, Pointer) and entry.path is not None
    return Route(
        id=entry.id,
        kind=kind_of(entry),
        title=entry.title,
        status=entry.status,
        owner_repo=entry.owner.repo,
        owners={"owner": entry.owner.repo},
        subsystem=entry.subsystem,
        warden_role="issue" if executes else "assist" if templated else "route",
        warden_executes=executes,
        exec_capable=templated,
        resolvable=False,  # a pointer's path is a template: what could be resolved is a lane
        auth_method=entry.auth_method,
        path=entry.path,
        fields=(),
        policy=entry.policy,
        role=entry.role,
        readers=(),
        needs=entry.needs,
        tags=entry.tags,
        playbook=entry.playbook,
        reviewed=entry.reviewed,
        next=Declared(entry.next),
    )


def with_state(route: Route, state: LaneState | None, now: dt.datetime, counts_for: dt.timedelta) -> Route:
    """The route as it is now: with its proof, and closed if the journal says so (then it is not resolvable)."""
    if state is None:
        return route
    if state.closed is not None:
        return msgspec.structs.replace(
            route,
            proof=_proof(route, state, now, counts_for),
            closed=state.closed.at,
            resolvable=False,
            next=Reopen(owner=route.owner_repo, since=state.closed.at),
        )
    proof = _proof(route, state, now, counts_for)
    following = route.next
    if isinstance(following, FinishDraft) and proof.state == "proven":
        following = FinishDraft(following.owner, proven=route.id)
    return msgspec.structs.replace(route, proof=proof, next=following)


def declaration(route: Route) -> Declaration:
    """What a proof of the lane is a proof of. A reader at another cluster's auth mount is the same reader."""
    return Declaration(
        path=f"{route.mount}: {route.path}" if route.mount else route.path,
        fields=tuple(sorted(route.fields)),
        policy=route.policy,
        readers=tuple(sorted(set(map(_declared_reader, route.readers)))),
        deliveries={each.cluster: f"{each.how} {each.secret}" for each in route.deliveries},
    )


def _declared_reader(reader: RouteReader) -> str:
    approval = reader.approval
    approved = f"after {approval.approvals} of {approval.group} within {approval.ttl}s" if approval else ""
    return " ".join(filter(None, (reader.subject, reader.role, reader.audience, approved)))


def _proof(route: Route, state: LaneState, now: dt.datetime, counts_for: dt.timedelta) -> RouteProof:
    found = last_proof(state, declaration(route), now, counts_for)
    if found is None:
        return RouteProof()
    summary = found.summary
    return RouteProof(
        state=found.standing, at=found.at, passed=summary.passed, failed=summary.failed, total=summary.total
    )
