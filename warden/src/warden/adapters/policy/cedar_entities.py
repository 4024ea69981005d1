"""What Cedar is told about a question: the principal and the resource, as ``default/schema.cedarschema`` has them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from warden.core.access.decision import Question
from warden.core.inventory.inventory import Host, NamedActor
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity

ResourceType = Literal["Lane", "Actor", "Host"]


def entities(question: Question) -> list[Mapping[str, Any]]:
    """The principal and the resource with their attributes."""
    kind = resource_type(question)
    uid = {"type": kind, "id": question.resource}
    return [_principal(question.identity), {"uid": uid, "attrs": _ATTRIBUTES[kind](question), "parents": []}]


def principal_id(who: Identity) -> str:
    """Whom policies and records name: the entity, or how OpenBao shows a token that has none."""
    return who.entity or who.display_name


def resource_type(question: Question) -> ResourceType:
    """What kind of thing is asked about; nothing needs to declare it."""
    if not question.of_certificate:
        return "Lane"
    return "Host" if question.context.get("type") == "host" else "Actor"


def _principal(who: Identity) -> Mapping[str, Any]:
    roles = [{"type": "Role", "id": f"{who.mount}/{who.role}"}] if who.mount and who.role else []
    return {
        "uid": {"type": "Identity", "id": principal_id(who)},
        "attrs": {
            "display_name": who.display_name,
            "mount": who.mount,
            "role": who.role,
            "entity": who.entity,
            "policies": who.policies,
        },
        "parents": roles,
    }


def _lane(question: Question) -> Mapping[str, Any]:
    lane = question.declared
    if not isinstance(lane, Lane):
        return {"readers": [], "tags": [], "status": "", "path": "", "custody": "", "consumer": ""}
    return {
        "readers": _roles(f"{reader.mount}/{lane.role_of(reader)}" for reader in lane.readers),
        "tags": lane.tags,
        "status": lane.status,
        "path": lane.custody.path,
        "custody": lane.owners.custody.repo,
        "consumer": lane.owners.consumer.repo,
    }


def _actor(question: Question) -> Mapping[str, Any]:
    actor = question.declared
    if not isinstance(actor, NamedActor):
        return {"identities": [], "type": "", "principals": [], "hosts": []}
    roles = (actor.role_of(each) for each in actor.declared.identities)
    return {
        "identities": _roles(f"{role.mount}/{role.name}" for role in roles),
        "type": actor.kind,
        "principals": actor.principals,
        "hosts": actor.declared.hosts,
    }


def _host(question: Question) -> Mapping[str, Any]:
    host = question.declared
    return {"names": (host.names or (question.resource,)) if isinstance(host, Host) else ()}


def _roles(names: Iterable[str]) -> list[Mapping[str, Any]]:
    return [{"__entity": {"type": "Role", "id": each}} for each in names]


_ATTRIBUTES: Mapping[ResourceType, Callable[[Question], Mapping[str, Any]]] = {
    "Lane": _lane,
    "Actor": _actor,
    "Host": _host,
}
