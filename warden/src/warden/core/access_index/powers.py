"""What OpenBao lets somebody do by which access can be given: the paths, one by one, and what is gained there.

Paths and the capabilities that they take are those of OpenBao 2.7: an existence check makes the difference between
``create`` and ``update`` (``framework.Path.ExistenceCheck``), and ``sudo`` is asked for where a backend names the path
among its root paths.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from warden.core.access_index.acl import full_path
from warden.core.access_index.certificates import certificates
from warden.core.access_index.holders import Held
from warden.core.access_index.new_names import NewNames
from warden.core.access_index.power import Power, held_by
from warden.core.access_index.snapshot import AuthMount, Group, LoginRole, NamespaceSnapshot, Snapshot
from warden.core.access_index.ways import StepKind

_WRITE = frozenset({"create", "update"})
_CREATE = frozenset({"create"})
_UPDATE = frozenset({"update"})
_READ = frozenset({"read"})
_PATCH = frozenset({"patch"})


def powers(snapshot: Snapshot) -> Iterator[Power]:
    """Every power over what the snapshot has, and over what could be made besides."""
    names = NewNames(snapshot)
    for one in snapshot.namespaces.values():
        yield from _policies(one)
        yield from _tokens(one, names)
        yield from _identities(one, names)
        yield from _system(one, names)
        yield from _auth_methods(one, names)
        yield from certificates(one, names)
        for mount in one.auth_mounts:
            yield from _auth_mount(one, mount, names)
        for role in one.roles:
            yield from _role(one, role)


def _at(one: NamespaceSnapshot, path: str) -> str:
    return full_path(one.path, path)


def _policies(one: NamespaceSnapshot) -> Iterator[Power]:
    """Also those that something holds and that are not there: whoever makes them says what they allow."""
    held = {name for role in one.roles for name in role.policies}
    held |= {name for _, name in _of_identities(one)}
    for name in sorted({*one.policies, *held} - {"root"}):
        for folder in ("sys/policies/acl", "sys/policy"):
            yield Power(
                does="writes-policy",
                path=_at(one, f"{folder}/{name}"),
                namespace=one.path,
                gain="policy",
                any_of=_UPDATE | _PATCH if folder.endswith("acl") else _UPDATE,
                policies=frozenset({(one.path, name)}),
                gains=name,
            )


def _tokens(one: NamespaceSnapshot, names: NewNames) -> Iterator[Power]:
    """Without sudo a child's policies are among its parent's (``token_store.go``, `resolveTokenPolicies`)."""
    for path in ("auth/token/create", "auth/token/create-orphan"):
        yield Power(does="creates-token", path=_at(one, path), namespace=one.path, gain="any-policy", and_sudo=True)
    taken = {role.name for role in one.roles if role.kind == "token-role"}
    new = {each for folder in ("roles", "create") for each in names.within(one, f"auth/token/{folder}", taken)}
    for name in sorted(new):
        yield Power(
            does="writes-role",
            path=_at(one, f"auth/token/roles/{name}"),
            namespace=one.path,
            gain="any-policy",
            any_of=_CREATE,
            also=(_at(one, f"auth/token/create/{name}"),),
        )


def _identities(one: NamespaceSnapshot, names: NewNames) -> Iterator[Power]:
    """Whoever writes an identity gives any policy to it, or an alias of its own to another one."""
    paths = ["identity/entity", "identity/group"]
    taken = {each.name for each in one.groups.values()}
    paths += [f"identity/group/name/{each}" for each in names.within(one, "identity/group/name", taken)]
    for entity in one.entities.values():
        paths += [f"identity/entity/id/{entity.id}", f"identity/entity/name/{entity.name}"]
    for group in one.groups.values():
        paths += [f"identity/group/id/{group.id}", f"identity/group/name/{group.name}"]
    for path in paths:
        yield Power(does="writes-identity", path=_at(one, path), namespace=one.path, gain="any-policy")
    everybody = _of_identities(one)
    aliases = [alias.id for each in one.entities.values() for alias in each.aliases]
    for path in (
        "identity/entity-alias",
        "identity/alias",
        "identity/persona",
        "identity/entity/merge",
        "identity/group-alias",
        *(f"identity/entity-alias/id/{each}" for each in aliases),
        *(f"identity/alias/id/{each}" for each in aliases),
        *(f"identity/persona/id/{each}" for each in aliases),
        *(f"identity/group-alias/id/{each.alias.id}" for each in one.groups.values() if each.alias),
    ):
        yield Power(does="writes-identity", path=_at(one, path), namespace=one.path, gain="one-of", policies=everybody)


def _of_identities(one: NamespaceSnapshot) -> Held:
    """The policies that entities and groups add."""
    entities = {name for each in one.entities.values() for name in each.policies}
    return frozenset((one.path, name) for name in entities | {n for g in one.groups.values() for n in g.policies})


def _system(one: NamespaceSnapshot, names: NewNames) -> Iterator[Power]:
    """Mounts, and in the root namespace the storage below all of it."""

    def power(does: StepKind, path: str, **more: object) -> Power:
        made = Power(does=does, path=_at(one, path), namespace=one.path, gain="everything")
        return msgspec.structs.replace(made, **more)

    yield power("moves-mount", "sys/remount", and_sudo=True)
    for name in names.within(one, "sys/workflows/manage"):
        yield power("writes-workflow", f"sys/workflows/manage/{name}", condition="raised-by-others")
    if not one.path:
        for name in ("logical", *names.below(one, "sys/raw")):
            yield power("writes-raw", f"sys/raw/{name}", any_of=_READ | _WRITE, and_sudo=True, condition="raw-storage")
        yield power("restores-snapshot", "sys/storage/raft/snapshot")
        yield power("restores-snapshot", "sys/storage/raft/snapshot-force")
        yield power("takes-snapshot", "sys/storage/raft/snapshot", any_of=_READ, condition="seal-key")


def _auth_methods(one: NamespaceSnapshot, names: NewNames) -> Iterator[Power]:
    """A method of its own, and at it a user, a certificate, or a role with whoever is believed."""
    taken = {mount.path for mount in one.auth_mounts}
    for mount in names.below(one, "sys/auth", taken):
        at = f"auth/{mount}"
        alone = [
            f"{at}/{folder}/{each}" for folder in ("users", "certs") for each in names.within(one, f"{at}/{folder}")
        ]
        roles = [f"{at}/role/{each}" for each in names.within(one, f"{at}/role")]
        for also in (*((each,) for each in alone), *((each, f"{at}/config") for each in roles)):
            yield Power(
                does="enables-auth",
                path=_at(one, f"sys/auth/{mount}"),
                namespace=one.path,
                gain="any-policy",
                any_of=_WRITE,
                and_sudo=True,
                also=tuple(_at(one, each) for each in also),
            )


_FOLDERS = {
    "kubernetes": ("role",),
    "jwt": ("role", "cel/role"),
    "oidc": ("role", "cel/role"),
    "approle": ("role",),
    "userpass": ("users",),
    "cert": ("certs",),
    "ldap": ("users", "groups"),
    "radius": ("users",),
    "kerberos": ("groups",),
}
"""Type of an auth mount -> where its roles are."""

_CHECKED = {"kubernetes", "jwt", "oidc", "approle", "userpass", "radius"}
"""Types whose roles have an existence check: what is new takes ``create``, what is there takes ``update``."""

_CONFIGS = {
    "jwt": ("config",),
    "oidc": ("config",),
    "kubernetes": ("config",),
    "ldap": ("config",),
    "radius": ("config",),
    "kerberos": ("config", "config/ldap"),
}
"""Type -> the paths that say whom it believes. (A cert mount's ``config`` does not.)"""


def _auth_mount(one: NamespaceSnapshot, mount: AuthMount, names: NewNames) -> Iterator[Power]:
    new = _CREATE if mount.type in _CHECKED else _UPDATE
    for folder in _FOLDERS.get(mount.type, ()):
        taken = {role.name for role in one.roles if role.path == f"auth/{mount.path}/{folder}/{role.name}"}
        for name in names.within(one, f"auth/{mount.path}/{folder}", taken):
            yield Power(
                does="writes-role",
                path=_at(one, f"auth/{mount.path}/{folder}/{name}"),
                namespace=one.path,
                gain="any-policy",
                any_of=_UPDATE if folder == "cel/role" else new,
            )
    roles = [role for role in one.roles if role.mount == mount.path and role.kind != "token-role"]
    for path in _CONFIGS.get(mount.type, ()):
        for role in roles:
            yield _as(one, role, "writes-auth-config", f"auth/{mount.path}/{path}", any_of=_WRITE)


def _as(one: NamespaceSnapshot, role: LoginRole, does: StepKind, path: str, any_of: frozenset[str] = _UPDATE) -> Power:
    """To be logged in by that role."""
    return Power(
        does=does,
        path=_at(one, path),
        namespace=one.path,
        gain="bundle",
        any_of=any_of,
        policies=held_by(role),
        gains=role.path,
    )


def _role(one: NamespaceSnapshot, role: LoginRole) -> Iterator[Power]:
    if role.kind == "token-role":
        yield from _token_role(one, role)
        return
    if role.kind == "directory":
        return
    own = Power(does="writes-role", path=_at(one, role.path), namespace=one.path, gain="any-policy", gains=role.path)
    yield own
    if role.kind == "approle":
        yield msgspec.structs.replace(own, path=_at(one, f"{role.path}/policies"))
        for part in ("secret-id", "custom-secret-id", "bind-secret-id"):
            yield _as(one, role, "creates-secret-id", f"{role.path}/{part}")
    elif role.mount_type == "userpass":
        yield msgspec.structs.replace(own, path=_at(one, f"{role.path}/policies"))
        yield _as(one, role, "sets-password", f"{role.path}/password")


def _token_role(one: NamespaceSnapshot, role: LoginRole) -> Iterator[Power]:
    """It gives its allowed policies to everybody who may create tokens by it; without any it is a plain creation."""
    create = f"auth/token/create/{role.name}"
    yield Power(
        does="writes-role",
        path=_at(one, role.path),
        namespace=one.path,
        gain="any-policy",
        also=(_at(one, create),),
        gains=role.path,
    )
    given = Power(
        does="creates-token-by-role", path=_at(one, create), namespace=one.path, gain="bundle", gains=role.path
    )
    if not _restricts(role):
        yield msgspec.structs.replace(given, gain="any-policy", and_sudo=True)
    creatable = frozenset((one.path, name) for name in _creatable(one, role))
    if creatable:
        yield msgspec.structs.replace(given, gain="one-of", policies=creatable)
    for held in _by_alias(one, role):
        yield msgspec.structs.replace(given, policies=held)


def _texts(role: LoginRole, field: str) -> tuple[str, ...]:
    return tuple(str(each) for each in role.fields.get(field) or ())


def _restricts(role: LoginRole) -> bool:
    names = ("allowed_policies", "allowed_policies_glob", "disallowed_policies", "disallowed_policies_glob")
    return any(_texts(role, each) for each in names)


def _creatable(one: NamespaceSnapshot, role: LoginRole) -> Iterable[str]:
    """The policies that a token by this role can have; a role that only disallows some gives all the others."""
    if not _restricts(role):
        return ()
    allowed, globs = _texts(role, "allowed_policies"), _texts(role, "allowed_policies_glob")
    names = {*allowed, *(name for name in one.policies if _globbed(name, globs))}
    if not allowed and not globs:
        names = set(one.policies)
    disallowed, barred = _texts(role, "disallowed_policies"), _texts(role, "disallowed_policies_glob")
    return sorted(name for name in names if name not in {"root", *disallowed} and not _globbed(name, barred))


def _by_alias(one: NamespaceSnapshot, role: LoginRole) -> Iterator[Held]:
    """What the entities add that a token by this role can be of: those with an alias at the token mount."""
    patterns = _texts(role, "allowed_entity_aliases")
    accessors = {mount.accessor for mount in one.auth_mounts if mount.type == "token"}
    for entity in one.entities.values() if patterns else ():
        names = [alias.name.lower() for alias in entity.aliases if alias.mount_accessor in accessors]
        if any(_globbed(name, patterns) for name in names):
            groups = [
                each for group in one.groups.values() if entity.id in group.entities for each in _around(one, group)
            ]
            given = (*entity.policies, *(policy for group in groups for policy in group.policies))
            yield frozenset((one.path, policy) for policy in given)


def _around(one: NamespaceSnapshot, group: Group) -> Iterator[Group]:
    """The group and those that it is in."""
    found, new = {group.id}, [group]
    while new:
        inner = new.pop()
        yield inner
        around = [each for each in one.groups.values() if inner.id in each.groups and each.id not in found]
        found |= {each.id for each in around}
        new += around


def _globbed(name: str, patterns: Iterable[str]) -> bool:
    """OpenBao's glob knows ``*`` alone."""
    return any(fnmatchcase(name, each.replace("[", "[[]").replace("?", "[?]")) for each in patterns)
