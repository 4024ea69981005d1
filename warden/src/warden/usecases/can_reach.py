"""What one identity can reach: which lanes it can read, write, or gain access to, and by which rule."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from warden.core.access_index.holders import granted_to
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.snapshot import LoginRole, Subject, Unknown
from warden.core.access_index.ways import Rule, WayIn
from warden.core.errors import Effect, Exit, NotFound
from warden.core.lanes.lane import Lane
from warden.core.openbao.resources import is_template
from warden.core.proofs.nobody_else import reader_roles
from warden.ports.access_index import Progress
from warden.usecases.context import Context
from warden.usecases.who_can import read_index

_KINDS = {
    "entity:": "identity/entity/name/",
    "group:": "identity/group/name/",
    "accessor:": "auth/token/accessors/",
}
_WORKLOAD = re.compile(r"([a-z0-9-]+)/([a-z0-9.-]+)")
_WRITTEN = re.compile(r"(auth|identity)/[^/\s][^/]*/.*[^/\s]", re.DOTALL)
"""As OpenBao writes it."""


_HIDE: dict[str, frozenset[Subject]] = {
    "entity:": frozenset({"entities", "entity"}),
    "group:": frozenset({"groups", "group"}),
    "accessor:": frozenset({"tokens", "token"}),
}
_HIDE_ROLES: frozenset[Subject] = frozenset({"auth-mounts", "auth-method", "roles", "role"})
"""Where something of that kind would be seen if it could be looked at."""


class UnknownIdentity(msgspec.Struct, frozen=True):
    """OpenBao has nobody of that name."""

    identity: str


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """One lane that it can reach, and every way in which it can."""

    lane: str
    path: str
    ways: tuple[WayIn, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an identity can reach, and the rules that it holds.

    Without ``names`` it is not known whether anybody is called so: ``unknown`` has what may hide that.
    """

    identity: str
    names: tuple[str, ...]
    lanes: tuple[Reached, ...]
    rules: tuple[tuple[Rule, tuple[str, ...]], ...]
    unknown: tuple[Unknown, ...]

    @property
    def exit(self) -> Exit:
        """Done, also where it reaches a lot: whether it should is for `prove` to say."""
        return Exit.INCONCLUSIVE if self.unknown else Exit.DONE


def is_form(identity: str) -> bool:
    """Whether that could be anybody: a name behind its kind, a path of OpenBao, or a workload."""
    for kind in _KINDS:
        if identity.startswith(kind):
            return bool(identity.removeprefix(kind).strip())
    return bool(_WRITTEN.fullmatch(identity) or _WORKLOAD.fullmatch(identity))


def can_reach(context: Context, identity: str, progress: Progress) -> Reach:
    """Read the OpenBao and look at every lane. Raises `NotFound` where there is certainly nobody of that name."""
    index = read_index(context, progress)
    namespace = index.snapshot.base
    unknown = index.unknown(namespace)
    names = tuple(_names(index, identity))
    if not names:
        hiding = tuple(each for each in unknown if may_hide(each, identity))
        if not hiding:
            raise NotFound(UnknownIdentity(identity), effect=Effect.NOTHING_DONE, subject=identity)
        return Reach(identity=identity, names=(), lanes=(), rules=(), unknown=hiding)
    return Reach(
        identity=identity,
        names=names,
        lanes=tuple(_lanes(index, context.lanes.values(), names, namespace)),
        rules=tuple(granted_to(index.holders, index.snapshot, names)),
        unknown=unknown,
    )


def may_hide(unknown: Unknown, identity: str) -> bool:
    """Whether somebody of that name may be there, and was not seen since this could not be looked at."""
    if unknown.what == "namespace":
        return True
    for kind, subjects in _HIDE.items():
        if identity.startswith(kind):
            return unknown.what in subjects
    if not identity.startswith("auth/"):
        return unknown.what in _HIDE_ROLES
    return unknown.what in _HIDE_ROLES and f"{identity}/".startswith(f"{unknown.name or 'auth'}/")


def _lanes(index: AccessIndex, lanes: Iterable[Lane], names: tuple[str, ...], namespace: str) -> Iterator[Reached]:
    for lane in lanes:
        if is_template(lane):
            continue
        found = index.who_can(lane.custody.path, namespace=namespace, readers=reader_roles(lane))
        ways = tuple(way for way in found.ways if _concerns(way, names))
        if ways:
            yield Reached(lane=lane.id, path=lane.custody.path, ways=ways)


def _concerns(way: WayIn, names: tuple[str, ...]) -> bool:
    """Whether it is this identity's, or that of an entity or a group that it may log in as."""
    logins = (step.path for step in way.via if step.does == "logs-in")
    return way.identity.name in names or any(each in names for each in logins)


def _names(index: AccessIndex, identity: str) -> Iterator[str]:
    """The names, as OpenBao writes them, that are meant: several for a workload with several roles."""
    holders = index.holders
    known = {each.part.identity.name for each in holders.logins}
    known |= {part.identity.name for each in holders.added.values() for part in each.parts}
    known |= {parts[0].identity.name for _, parts in holders.tokens}
    written = next(
        (path + identity.removeprefix(kind) for kind, path in _KINDS.items() if identity.startswith(kind)), identity
    )
    if written in known:
        yield written
    workload = _WORKLOAD.fullmatch(identity)
    if workload and written not in known:
        yield from (each.role.path for each in holders.logins if _is_of(each.role, workload[1], workload[2]))


def _is_of(role: LoginRole, namespace: str, account: str) -> bool:
    """Whether a service account may log in by a role."""
    if role.fields.get("bound_subject") == f"system:serviceaccount:{namespace}:{account}":
        return True
    names = role.fields.get("bound_service_account_names") or ()
    spaces = role.fields.get("bound_service_account_namespaces") or ()
    return bool({account, "*"} & set(names) and {namespace, "*"} & set(spaces))
