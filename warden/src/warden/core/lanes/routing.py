"""Entry -> Route: what an entry says, in the words of the record."""

import datetime as dt

from warden.core.journal.record import LaneState
from warden.core.lanes.catalog import Certificate, Entry, Login, Pointer, kind_of
from warden.core.lanes.lane import Lane, Reader, WorkloadReader
from warden.core.lanes.route import Route, RouteDelivery, RouteReader, settle
from warden.core.lanes.rules import placeholders


def route(entry: Entry, state: LaneState | None, now: dt.datetime) -> Route:
    """The entry's route as it stands now; `state` is what the journal says of it, if anything."""
    return settle(draw(entry), state, now)


def draw(entry: Entry) -> Route:
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
        next_action=f"warden access {lane.id} -- COMMAND" if resolvable else f"draft; who can finish it: {custody}",
        deliveries=_deliveries(lane),
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
    return RouteReader(kind="people", subject=reader.people, mount=reader.mount, role=role, audience=None)


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
        next_action=entry.next,
    )
