"""A question as policy points are told it: who asks, and what the lane or the certificate is. Never a value."""

from typing import Any

from warden.core.access.decision import Question
from warden.core.inventory.inventory import NamedActor
from warden.core.lanes.lane import Lane
from warden.core.lanes.policy_points import SubjectId
from warden.core.openbao.api import Identity

SUBJECT = "identity"
"""The type of every subject: an identity of OpenBao."""


def subject_id(who: Identity, by: SubjectId) -> str:
    """What the caller is called there; a token that nobody logged in for has the role ``/``."""
    if by == "role":
        return f"{who.mount}/{who.role}"
    return (who.entity if by == "entity" else "") or who.display_name


def subject_properties(who: Identity) -> dict[str, Any]:
    """What OpenBao says of the caller."""
    return {
        "display_name": who.display_name,
        "mount": who.mount,
        "role": who.role,
        "entity": who.entity,
        "policies": list(who.policies),
    }


def resource_properties(question: Question) -> dict[str, Any]:
    """What is declared of a lane; of a certificate, what would be signed."""
    declared = question.declared
    if question.of_certificate:
        return _certificate(question)
    if not isinstance(declared, Lane):
        return {}
    return {
        "path": declared.custody.path,
        "tags": list(declared.tags),
        "status": declared.status,
        "custody": declared.owners.custody.repo,
        "consumer": declared.owners.consumer.repo,
        "readers": [f"{reader.mount}/{declared.role_of(reader)}" for reader in declared.readers],
    }


def _certificate(question: Question) -> dict[str, Any]:
    context, actor = question.context, question.declared
    roles = [actor.role_of(each) for each in actor.declared.identities] if isinstance(actor, NamedActor) else []
    return {
        "type": context.get("type", "user"),
        "principals": list(context.get("principals", ())),
        "ttl": context.get("ttl", 0),
        "fingerprint": context.get("fingerprint", ""),
        "actor_type": context.get("actor_type", ""),
        "hosts": list(actor.declared.hosts) if isinstance(actor, NamedActor) else [],
        "identities": [f"{role.mount}/{role.name}" for role in roles],
    }
