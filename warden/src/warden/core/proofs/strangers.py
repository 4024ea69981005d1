"""Which reader of another lane is most likely to get at a path: the one whose policies reach nearest to it."""

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from warden.core.access_index.acl import full_path
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.requests import requests_for
from warden.core.access_index.ways import WhoCan
from warden.core.lanes.lane import Lane, WorkloadReader
from warden.core.openbao.resources import is_template
from warden.core.proofs.probes import Claims, claims_of


class _Reach(NamedTuple):
    """A stanza of a reader's policies by what its path begins with, up to the first wildcard."""

    begins: str
    order: int
    lane: str
    role: str
    claims: Claims


class Strangers:
    """The readers of all lanes, by what they may reach.

    Two texts that begin alike stand side by side when they are sorted, so the nearest are found without a search.
    """

    def __init__(self, lanes: Iterable[Lane], index: AccessIndex, namespace: str) -> None:
        self._namespace = namespace
        self._index = index
        self._reaches = sorted(_reaches(lanes, index, namespace), key=lambda each: each[:-1])
        self._claims = {each.role: each for each in reversed(self._reaches)}

    def nearest(self, lane: Lane, found: WhoCan) -> Claims | None:
        """Whom to try: somebody with a way in, otherwise whose stanzas begin most like the path; none if nobody is."""
        mine = {reader.workload for reader in lane.readers if isinstance(reader, WorkloadReader)}
        roles = {str(lane.role_name(reader)) for reader in lane.readers}

        def is_other(each: _Reach) -> bool:
            return each.lane != lane.id and each.role not in roles and each.claims.workload not in mine

        known = (self._claims[way.identity.name] for way in found.ways if way.identity.name in self._claims)
        nearest = next(filter(is_other, known), None)
        if nearest is None:
            path = requests_for(self._index.snapshot, self._namespace, lane.custody.path).reads[0][0]
            nearest = next(filter(is_other, self._from_near_to_far(path)), None)
        return nearest.claims if nearest else None

    def _from_near_to_far(self, path: str) -> Iterator[_Reach]:
        """Both neighbours of the path in the sorted order, then theirs, the more alike first."""
        after = bisect(self._reaches, path, key=lambda each: each.begins)
        before = after - 1
        while before >= 0 or after < len(self._reaches):
            left = _alike(self._reaches[before].begins, path) if before >= 0 else -1
            right = _alike(self._reaches[after].begins, path) if after < len(self._reaches) else -1
            if left >= right:
                yield self._reaches[before]
                before -= 1
            else:
                yield self._reaches[after]
                after += 1


def _alike(one: str, other: str) -> int:
    """How many characters are the same from the beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _reaches(lanes: Iterable[Lane], index: AccessIndex, namespace: str) -> Iterator[_Reach]:
    """Every stanza of every workload that reads a lane and has a role on the server."""
    here = index.snapshot.namespaces.get(namespace)
    roles = {role.path: role for role in here.roles} if here else {}
    accessors = {mount.path: mount.accessor for mount in here.auth_mounts} if here else {}
    aliases = _by_alias(index)
    for order, lane in enumerate(lanes):
        for reader in () if is_template(lane) else lane.readers:
            role = roles.get(str(lane.role_name(reader)))
            if role is None or not isinstance(reader, WorkloadReader):
                continue
            alias = (accessors.get(reader.mount, ""), reader.workload.subject)
            held = {(namespace, each) for each in role.policies} | aliases.get(alias, frozenset())
            for begins in _beginnings(index, held):
                yield _Reach(begins, order, lane.id, role.path, claims_of(lane, reader))


def _by_alias(index: AccessIndex) -> Mapping[tuple[str, str], frozenset[tuple[str, str]]]:
    """Mount accessor and name of an alias -> the policies of its entity and the groups that this is in."""
    return {
        (alias.mount_accessor, alias.name): each.policies
        for each in index.holders.added.values()
        for alias in (each.entity.aliases if each.entity else ())
    }


def _beginnings(index: AccessIndex, held: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key in sorted(held):
        space = index.snapshot.namespaces.get(key[0])
        policy = space.policies.get(key[1]) if space else None
        if policy is not None:
            yield from (full_path(policy.namespace, _written(rule.path)) for rule in policy.rules)


def _written(path: str) -> str:
    """A path up to its first wildcard or template."""
    return path[: min((at for sign in ("*", "+", "{{") if (at := path.find(sign)) >= 0), default=len(path))]
