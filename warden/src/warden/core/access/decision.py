"""What the access policy is asked, and what it answers."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity
from warden.core.ssh.inventory import Host, NamedActor

Effect = Literal["allow", "deny"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy is asked: may this identity do this action with this lane, or for this actor or host?

    ``resource`` is the lane's id, or the actor's or host's name; ``declared`` is the lane as the catalog has it, or the
    actor or host as the inventory has it: without it the policy knows of no readers and no identities. The context of
    ``sign`` has ``reason``, ``principals``, ``actor_type`` ("" for a host), ``fingerprint``, ``ttl`` (seconds) and
    ``type`` ("user" or "host").
    """

    identity: Identity
    action: str
    resource: str
    context: Mapping[str, Any]
    declared: Lane | NamedActor | Host | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's answer. ``policies`` are the ids that decided, ``wants_reason`` whether a reason would change it."""

    id: str
    effect: Effect
    policies: tuple[str, ...]
    message: str
    wants_reason: bool = False
