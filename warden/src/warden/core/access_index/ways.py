"""Every way to a path: who could read it, write it, or gain access, by which rule, and what removes that."""

import re
from typing import Literal

import msgspec

from warden.core import quoting
from warden.core.access_index import acl
from warden.core.access_index.snapshot import Unknown
from warden.core.quoting import Facts
from warden.core.remedies import Remedy

IdentityKind = Literal["login", "entity", "group", "token", "issuer"]
"""``issuer``: whoever holds something that an auth mount trusts besides the one issuer that is meant."""

Effect = Literal["reads", "writes", "grants"]
"""``grants``: it could give itself, or somebody else, access that it does not have."""

Standing = Literal["other", "reader", "administrator"]
"""``reader``: a declared reader of the lane. ``administrator``: declared with ``may_administer``."""

Condition = Literal[
    acl.Condition,
    "cidr",
    "expires",
    "seal-key",
    "raw-storage",
    "raised-by-others",
    "issued-name",
]
"""What has to be so besides; those of `acl.Condition`, and:

``cidr``: only from some networks. ``expires``: only until then. ``seal-key``: a snapshot is encrypted. ``raw-storage``:
the server has ``raw_storage_endpoint`` on. ``raised-by-others``: somebody with more rights has to run it.
``issued-name``: the certificate that is issued has to be one that the login takes.
"""

_DOUBTFUL: frozenset[Condition] = frozenset({"template", "unreadable-policy"})

StepKind = Literal[
    "logs-in",
    "is-member",
    "writes-policy",
    "writes-role",
    "writes-identity",
    "writes-auth-config",
    "creates-secret-id",
    "sets-password",
    "issues-certificate",
    "creates-token",
    "creates-token-by-role",
    "enables-auth",
    "moves-mount",
    "writes-raw",
    "restores-snapshot",
    "takes-snapshot",
    "writes-workflow",
    "signs-tokens",
    "names-any-issuer",
    "signs-by",
]


_MADE = re.compile(r"identity/(?:entity/name/entity|group/name/group)_[0-9a-f]{8}(?:\.[0-9A-Za-z]{4,6})?")
"""What OpenBao calls an entity or a group that nobody named: ``entity_32c2b8f8.root``, ``.63KriM`` in a namespace."""


class Identity(msgspec.Struct, frozen=True, order=True):
    """Somebody who can have a token.

    ``name`` is as OpenBao writes it: ``auth/kubernetes/role/x``, ``identity/entity/name/y``, ``identity/group/name/z``,
    ``auth/token/accessors/a``, ``auth/kubernetes/config`` for its second issuer. ``label`` is what
    it is called besides (a token's display name). ``owner`` is empty where nothing says it.
    """

    namespace: str
    kind: IdentityKind
    name: str
    mount: str = ""
    label: str = ""
    owner: str = ""

    def __post_init__(self) -> None:
        """Names that people gave are redacted, as in `Facts`.

        What OpenBao makes itself (accessors, ids, the names of entities) looks like secret material but is not secret.
        The scanner's rules know that, but running them costs more than the whole index.
        """
        made = {"token": ("name",), "entity": ("label",), "group": ("label",)}.get(self.kind, ())
        for field in ("mount", "label", "owner", "name"):
            given = getattr(self, field)
            if field in made or _MADE.fullmatch(given):
                continue
            if (clean := quoting.name(given)) != given:
                msgspec.structs.force_setattr(self, field, clean)


class Rule(Facts, frozen=True, order=True):
    """A rule of a policy: its path as it is written there."""

    policy: str
    path: str
    namespace: str = ""


class Step(Facts, frozen=True):
    """One link of a chain: what is done, to which path of OpenBao, by which rules, and what is gained by it.

    ``gains`` is a policy, a role or an entity; empty for everything in the namespace.
    """

    does: StepKind
    path: str
    gains: str = ""
    rules: tuple[Rule, ...] = ()


class WayIn(msgspec.Struct, frozen=True):
    """One identity that can do one thing.

    ``last_used`` is the audit log's time of the last request of that kind; empty where there was none, or nobody
    looked. ``remedy`` removes this way; empty for what is declared.
    """

    identity: Identity
    effect: Effect
    rules: tuple[Rule, ...]
    via: tuple[Step, ...] = ()
    conditions: tuple[Condition, ...] = ()
    standing: Standing = "other"
    last_used: str = ""
    remedy: Remedy = ()

    @property
    def doubtful(self) -> bool:
        """Whether it is not known that there is such a way: it hangs on something that could not be read."""
        return not _DOUBTFUL.isdisjoint(self.conditions)


class WhoCan(msgspec.Struct, frozen=True, kw_only=True):
    """Every way to one path of a KV mount, and what could not be looked at and may hide others."""

    namespace: str
    path: str
    ways: tuple[WayIn, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def others(self) -> tuple[WayIn, ...]:
        """The ways of those who are neither declared readers nor administrators, doubtful ones included."""
        return tuple(way for way in self.ways if way.standing == "other")
