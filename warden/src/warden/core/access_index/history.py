"""When an identity last did something at a path, as an audit log tells it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import Identity, WayIn

Act = tuple[str, str]
"""What was done: ``read`` or ``write``, and the path without ``/v1/``, or what it begins with."""


class Actor(NamedTuple):
    """Who did it, as an audit line names somebody: the entity, the role of the login, and the display name."""

    entity: str
    role: str
    display_name: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit log says of some paths.

    ``since`` is the time of its first line, empty where it could not be read; ``why`` says why not. ``last`` is the
    time of the last request of an actor, by (act, actor).
    """

    since: str = ""
    why: str = ""
    last: Mapping[tuple[Act, Actor], str] = {}

    def used(self, acts: Iterable[Act], identity: Identity, members: frozenset[str]) -> str:
        """When it last did one of these; empty where it never did. `members` are the entities of a group."""
        wanted = frozenset(acts)
        times = [at for (act, actor), at in self.last.items() if act in wanted and _is(identity, actor, members)]
        return max(times, default="")


def acts_of(way: WayIn, reads: Sequence[str], writes: Sequence[str]) -> tuple[Act, ...]:
    """The requests that would have been a use of this way: of the path, or of the first step of its chain."""
    if way.effect == "reads":
        return tuple(("read", path) for path in reads)
    if way.effect == "writes":
        return tuple(("write", path) for path in writes)
    steps = [step for step in way.via if step.does not in {"logs-in", "is-member"}]
    return (("write", steps[0].path),) if steps else ()


def members_of(snapshot: Snapshot, identity: Identity) -> frozenset[str]:
    """The entities that are in a group; none for anybody else."""
    here = snapshot.namespaces.get(identity.namespace)
    group = here.groups.get(identity.label) if here and identity.kind == "group" else None
    return frozenset(group.entities) if group else frozenset()


def _is(identity: Identity, actor: Actor, members: frozenset[str]) -> bool:
    if identity.kind == "entity":
        return actor.entity == identity.label
    if identity.kind == "group":
        return actor.entity in members
    if identity.kind == "token":
        return bool(identity.label) and actor.display_name == identity.label
    return _logged_in(identity, actor)


def _logged_in(identity: Identity, actor: Actor) -> bool:
    """A display name begins with the mount, whose slashes are hyphens there; a user's is all of the rest."""
    mount = identity.mount.removeprefix("auth/").replace("/", "-")
    name = identity.name.rpartition("/")[2]
    if not actor.display_name.startswith(f"{mount}-") and actor.display_name != mount:
        return False
    return actor.role == name or (not actor.role and actor.display_name == f"{mount}-{name}")
