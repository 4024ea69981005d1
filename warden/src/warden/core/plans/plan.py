"""One Plan, one Change and one Receipt for every kind of target: OpenBao and each cluster alike.

A target is looked at, compared with what a lane declares, and changed; what differs, what stands in the way and what
was done are facts here, and sentences in ``present.plans``.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.lanes.lane import KvPath, RoleName
from warden.core.quoting import Facts, name, without_secrets
from warden.core.remedies import Remedy

Action = Literal["create", "change", "delete", "keep", "foreign", "absent"]
"""``foreign``: there, and not ours to change. ``absent``: something that a lane does not declare is missing."""


class System(msgspec.Struct, frozen=True, kw_only=True):
    """A target by its address; ``cluster`` is the declared name of a cluster, empty for OpenBao."""

    address: str
    cluster: str = ""


class Difference(Facts, frozen=True):
    """One field, before and after; ``None`` where it is not set. An empty field name means the whole text.

    ``after`` is declared, and was looked through where it was read.
    """

    field: str
    before: Any
    after: Any

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "field", without_secrets(self.field))
        msgspec.structs.force_setattr(self, "before", without_secrets(self.before, known=self.after))


# -- why `apply` leaves an object alone -------------------------------------------------------------------------------


class NotMarked(Facts, frozen=True, tag="not-marked"):
    """Nothing marks the object as made by warden for this lane."""


class BelongsTo(Facts, frozen=True, tag="belongs-to"):
    """The marks on a KV path name another lane."""

    lane: str


class ManagedBy(Facts, frozen=True, tag="managed-by"):
    """Other field managers set fields that would change (Kubernetes, Server-Side Apply)."""

    managers: tuple[str, ...]


class OwnedBy(Facts, frozen=True, tag="owned-by"):
    """A controller owns the object (``ownerReferences``), or a Helm release: kind ``HelmRelease``."""

    kind: str
    name: str


class MadeByHand(Facts, frozen=True, tag="by-hand"):
    """A Secret of the delivery's name that nobody owns."""


class DeclaredByHand(Facts, frozen=True, tag="declared-by-hand"):
    """The lane declares the Secret as made by hand, and it has an owner."""

    owner: OwnedBy


class BeingDeleted(Facts, frozen=True, tag="being-deleted"):
    """The object is being deleted since that time (ISO 8601 UTC), held by its finalizers."""

    since: str
    finalizers: tuple[str, ...] = ()


class RoleRefFixed(Facts, frozen=True, tag="role-ref"):
    """A binding refers to another role, which Kubernetes lets nobody change."""


class NamespaceMissing(Facts, frozen=True, tag="no-namespace"):
    """The Secret's namespace, which is its tenant's, does not exist."""


class AuthMountMissing(Facts, frozen=True, tag="no-auth-mount"):
    """The auth mount of a role does not exist; the platform enables auth mounts. ``method`` is what it has to be."""

    mount: str
    method: str = "kubernetes"


class OtherAuthType(Facts, frozen=True, tag="other-auth-type"):
    """The auth mount is of a type that the reader cannot log in at; ``wanted`` are those that it can."""

    mount: str
    found: str
    wanted: tuple[str, ...]


class NoAuthority(Facts, frozen=True, tag="no-authority"):
    """The file with the authority of a reader's certificates is not there, or holds no certificate."""

    file: str


class NoRedirect(Facts, frozen=True, tag="no-redirect"):
    """The mount is of type oidc, and platform.yaml gives it no ``redirect_uris``: OpenBao refuses a role without."""

    mount: str


class OtherMount(Facts, frozen=True, tag="other-mount"):
    """The mount is another secrets engine than KV version 2."""

    engine: str
    version: int


class RenamedFrom(Facts, frozen=True, tag="renamed-from"):
    """The marks on the lane's path name an id that no file declares any more."""

    lane: str


class SharedWithUnreadable(Facts, frozen=True, tag="shared-with-unreadable"):
    """The object may be shared with a lane whose file has errors, and what that file declares of it is not known."""

    files: tuple[str, ...]


class AliasTaken(Facts, frozen=True, tag="alias-taken"):
    """Another identity group stands for that group of the login mount; OpenBao lets only one do so."""

    group: str
    alias: str
    mount: str


class OtherEngine(Facts, frozen=True, tag="other-engine"):
    """The mount is another secrets engine than the wanted one."""

    engine: str
    wanted: str


class NoDefaultKey(Facts, frozen=True, tag="no-default-key"):
    """An SSH engine has CA keys, and none of them is the one that signs."""

    keys: tuple[str, ...]


class OtherPlatform(Facts, frozen=True, tag="other-platform"):
    """The policy was derived for an actor or host of the same name, of another platform."""

    platform: str


class UsedByLanes(Facts, frozen=True, tag="used-by-lanes"):
    """Readers of these lanes log in by the auth role, too."""

    lanes: tuple[str, ...]


Obstacle = (
    NotMarked
    | BelongsTo
    | ManagedBy
    | OwnedBy
    | MadeByHand
    | DeclaredByHand
    | BeingDeleted
    | RoleRefFixed
    | NamespaceMissing
    | AuthMountMissing
    | OtherAuthType
    | NoAuthority
    | NoRedirect
    | OtherMount
    | RenamedFrom
    | SharedWithUnreadable
    | AliasTaken
    | OtherEngine
    | NoDefaultKey
    | OtherPlatform
    | UsedByLanes
)


# -- how an object lets in more than is declared ----------------------------------------------------------------------


class ReachesFurther(Facts, frozen=True, tag="reaches-further"):
    """A policy has stanzas that the lane's does not have."""

    stanzas: tuple[str, ...]


class NoAudience(Facts, frozen=True, tag="no-audience"):
    """A role sets no audience, so a token made for any service logs in."""


Widening = ReachesFurther | NoAudience


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One object and what has to happen to it.

    ``kind`` is ``mount``, ``metadata``, ``policy``, ``group``, ``role``, or of SSH ``ca-key`` or ``ssh-role``, on
    OpenBao, the object's own in a cluster.
    ``name`` is the path, policy or ``auth/MOUNT/role/NAME`` there (``role`` has its parts), the object's name here.
    ``wanted`` is what `apply` writes. An ``obstacle`` on an object that changes all the same is being taken over;
    ``remedy`` ends an obstacle where neither `apply` nor ``--take-over`` can.
    """

    action: Action
    kind: str
    name: str
    namespace: str = ""
    differences: tuple[Difference, ...] = ()
    wanted: Any = None
    role: RoleName | None = None
    obstacle: Obstacle | None = None
    widening: Widening | None = None
    remedy: Remedy = ()

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        return self.action != "keep"

    @property
    def blocked(self) -> bool:
        """Whether `apply` refuses to touch the object."""
        return self.action in {"foreign", "absent"}

    @property
    def is_taken_over(self) -> bool:
        """Whether the object is somebody else's, and changed because that was asked for."""
        return self.obstacle is not None and not self.blocked

    @property
    def takes_access(self) -> bool:
        """Whether somebody may lose access by it: an object goes, or a field that grants access gets narrower."""
        return self.action == "delete" or (self.action == "change" and any(map(_narrows, self.differences)))

    @property
    def facts(self) -> Mapping[str, str]:
        """What the journal keeps of it: never a field's content."""
        found = {"action": self.action, "kind": self.kind, "namespace": self.namespace, "name": name(self.name)}
        return {key: text for key, text in found.items() if text}


_GRANTS = re.compile(r"(token_)?policies|allowed_(users|domains)|spec\.(data|conditions)\W.*|(rules|subjects)\W.*")
"""Fields that give access by what is in them: a role's policies, the principals of an SSH role, an ExternalSecret's
keys, a store's namespaces."""
_LIMITS = re.compile(r"bound_\w+|audience")
"""Fields of a role that limit who logs in: unset, they limit nobody."""


def _narrows(difference: Difference) -> bool:
    """Whether a field grants less than before; a policy does where a line of it goes."""
    before, after = difference.before, difference.after
    if not difference.field:
        return bool(_lines(before) - _lines(after))
    if _LIMITS.fullmatch(difference.field):
        return after is not None and not (before and _members(before) <= _members(after))
    return bool(_GRANTS.fullmatch(difference.field) and before is not None and not _members(before) <= _members(after))


def _lines(policy: Any) -> set[str]:
    lines = (line.strip() for line in str(policy or "").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def _members(value: Any) -> set[str]:
    return {str(each) for each in (value if isinstance(value, list | tuple) else [value])}


# -- what is worth a note although it is as declared ------------------------------------------------------------------


class SharedAccount(Facts, frozen=True, tag="shared-account"):
    """The account that reads is not of the Secret's namespace, so the audit log names it and not the workload."""

    account: str
    namespace: str


class ByHand(Facts, frozen=True, tag="made-by-hand"):
    """The Secret is made by hand, as declared; ``there`` is false where there is none yet."""

    there: bool


class KeptPolicy(Facts, frozen=True, kw_only=True, tag="kept-policy"):
    """A policy that stays in a role while ``files`` of the catalog have errors: one of them may declare its lane.

    ``lane`` is the lane that the policy names; empty where its text cannot be seen.
    """

    role: str
    policy: str
    lane: str
    files: tuple[str, ...]


class ReaderPattern(Facts, frozen=True, tag="reader-pattern"):
    """A reader that is declared with ``match: glob``: whatever fits the pattern is that reader."""

    reader: str
    patterns: tuple[str, ...]


class UsedGroup(Facts, frozen=True, kw_only=True, tag="used-group"):
    """An identity group of approvers that warden did not make: it is used as it is.

    ``members`` counts who is in it now; ``alias`` at the auth mount ``mount`` is the login's group that an ``external``
    one stands for.
    """

    name: str
    external: bool
    members: int
    alias: str
    mount: str


Note = SharedAccount | ByHand | KeptPolicy | ReaderPattern | UsedGroup


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Every object of a lane on one target, in the order in which `apply` makes it so.

    Access comes last, its removal first. ``former_paths`` are KV paths that were the lane's before its file changed:
    what they hold is for a person to remove. ``closed``: it is the plan of a closed lane.
    """

    lane: str
    system: System
    changes: tuple[Change, ...]
    notes: tuple[Note, ...] = ()
    former_paths: tuple[KvPath, ...] = ()
    closed: bool = False

    @property
    def to_change(self) -> tuple[Change, ...]:
        """What differs."""
        return tuple(change for change in self.changes if change.differs)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """What `apply` refuses to touch."""
        return tuple(change for change in self.changes if change.blocked)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was done on one target: the changes made, and the journal's record of it (0 where nothing was to do).

    ``closed``: the lane is closed, so what was done is closing it.
    """

    lane: str
    system: System
    changed: tuple[Change, ...]
    record: int
    former_paths: tuple[KvPath, ...] = ()
    closed: bool = False
