"""What was read of one OpenBao, once: everything that decides who can reach what, and what could not be read.

Paths have no slash at their ends. A namespace is its path, ``team/a``; the root namespace is the empty text.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.access_index.policies import Policy
from warden.core.quoting import Facts

Kind = Literal[
    "role",
    "user",
    "approle",
    "certificate",
    "directory",
    "directory-group",
    "token-role",
]
"""Of a way to log in: ``directory`` is everybody whom the mount's own directory (LDAP, RADIUS, Kerberos) knows."""

Reason = Literal["denied", "plugin", "computed", "not-text", "not-answered", "not-below", "not-public"]
"""Why something is unknown.

``denied``: the caller lacks the right. ``plugin``: an auth method of a type that warden does not know.
``computed``: a program decides (CEL). ``not-text``: the policy's text could not be parsed. ``not-answered``: the
answer is not one of OpenBao's API. ``not-below``: a namespace above the caller's own. ``not-public``: OpenBao shows it
to nobody (tokens that are not stored).
"""

Subject = Literal[
    "policies",
    "policy",
    "auth-mounts",
    "auth-config",
    "auth-method",
    "roles",
    "role",
    "secret-mounts",
    "issuers",
    "entities",
    "entity",
    "groups",
    "group",
    "namespaces",
    "namespace",
    "tokens",
    "token",
    "templates",
]


class Unknown(Facts, frozen=True, order=True):
    """Something that could not be looked at, and the right that is missing: a path and capabilities on it.

    ``path`` is as a policy of ``namespace`` writes it; it and ``capabilities`` are empty where no right would help.
    ``name`` is what it is about: a policy, a mount, a role.
    """

    what: Subject
    name: str
    why: Reason
    namespace: str = ""
    path: str = ""
    capabilities: tuple[str, ...] = ()


class AuthMount(msgspec.Struct, frozen=True, kw_only=True):
    """An auth method: ``path`` is without ``auth/``, ``config`` what ``auth/<path>/config`` says, without secrets.

    ``config`` is ``None`` where it is not configured, or could not be read (then an `Unknown` says so).
    """

    namespace: str
    path: str
    type: str
    accessor: str
    local: bool = False
    description: str = ""
    config: Mapping[str, Any] | None = None


class SecretMount(msgspec.Struct, frozen=True, kw_only=True):
    """A secrets engine; ``version`` is 1 or 2 for ``kv``, otherwise 0; ``issuers`` of ``pki``: id -> certificate."""

    namespace: str
    path: str
    type: str
    version: int = 0
    accessor: str = ""
    issuers: Mapping[str, str] = {}


class LoginRole(msgspec.Struct, frozen=True, kw_only=True):
    """A way to get a token: a role, a user, an AppRole, a group of a directory, or a token role.

    ``path`` is how OpenBao addresses it, ``auth/kubernetes/role/x``, ``auth/token/roles/y``. ``policies`` are those
    that a login gives, without ``default``, which it gives unless ``no_default``. ``fields`` is what else the server
    says of it (bound claims, service accounts, networks), without secrets.
    """

    namespace: str
    mount: str
    mount_type: str
    kind: Kind
    name: str
    path: str
    policies: tuple[str, ...] = ()
    no_default: bool = False
    fields: Mapping[str, Any] = {}

    @property
    def key(self) -> tuple[str, str]:
        """The namespace and the path, which nothing else has."""
        return (self.namespace, self.path)


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """A name at an auth mount that stands for an entity or an external group."""

    id: str
    name: str
    mount_accessor: str
    metadata: Mapping[str, str] = {}
    custom_metadata: Mapping[str, str] = {}


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """An identity entity; ``groups`` are the ids of the groups it is in, inherited ones included."""

    namespace: str
    id: str
    name: str
    policies: tuple[str, ...] = ()
    disabled: bool = False
    metadata: Mapping[str, str] = {}
    aliases: tuple[Alias, ...] = ()
    groups: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """An identity group; an external one has an alias, and members whom an auth mount says."""

    namespace: str
    id: str
    name: str
    external: bool = False
    policies: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    entities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    alias: Alias | None = None


class LiveToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that exists, by its accessor; ``path`` is where it was made (``auth/token/create``).

    ``ttl`` is the seconds it has left (0: it does not expire), ``entity`` an id or empty.
    """

    namespace: str
    accessor: str
    display_name: str = ""
    policies: tuple[str, ...] = ()
    identity_policies: tuple[str, ...] = ()
    path: str = ""
    ttl: int = 0
    entity: str = ""
    meta: Mapping[str, str] = {}

    @property
    def root(self) -> bool:
        """Whether it is a root token, which may do everything."""
        return "root" in self.policies


class NamespaceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one namespace; policies by name, entities and groups by id."""

    path: str
    policies: Mapping[str, Policy] = {}
    secret_mounts: tuple[SecretMount, ...] = ()
    auth_mounts: tuple[AuthMount, ...] = ()
    roles: tuple[LoginRole, ...] = ()
    entities: Mapping[str, Entity] = {}
    groups: Mapping[str, Group] = {}
    tokens: tuple[LiveToken, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was read of one OpenBao, by namespace, and what could not be.

    ``lane_of_policy`` has the lane that each policy names in its first line, by (namespace, policy). ``caller`` is
    the accessor of the token that it was read with: that token is not a way in. ``base`` is the namespace it works in;
    those above it, as far as the token's own, and all those below are read.
    """

    taken_at: dt.datetime
    namespaces: Mapping[str, NamespaceSnapshot] = {}
    unknown: tuple[Unknown, ...] = ()
    lane_of_policy: Mapping[tuple[str, str], str] = {}
    caller: str = ""
    base: str = ""

    def option(self, namespace: str) -> str:
        """The namespace for a command of somebody who works in `base`; empty where no option is needed."""
        return "root" if self.base and not namespace else namespace
