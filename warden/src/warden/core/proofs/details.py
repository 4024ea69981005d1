"""What is behind a verdict on custody, as facts: one structure for each kind, described in ``present.details``.

Words of other systems (OpenBao's errors, External Secrets Operator's events) stay quoted text, bounded and redacted, in
a field named ``reply`` or ``message``.
"""

from typing import Literal

import msgspec

from warden.core.access.value_check import Doubt
from warden.core.access_index.snapshot import Reason, Subject
from warden.core.access_index.ways import Condition, Effect, Identity, Rule, Step
from warden.core.plans.plan import Action, Obstacle, Widening
from warden.core.quoting import Facts
from warden.core.unobserved import Unobserved


class NotServing(Facts, frozen=True, tag="not-serving"):
    """OpenBao is sealed, or not initialised: nobody can read from it now."""

    system: str
    initialized: bool


# -- an answer of OpenBao ---------------------------------------------------------------------------------------------


class NotSent(Facts, frozen=True, tag="not-sent"):
    """The request was not sent: there is no token to send it with, or the server gave no answer before."""

    because: Unobserved


class ReaderCannotLogIn(Facts, frozen=True, tag="reader-cannot-log-in"):
    """The request was not sent: it takes the reader's session, and the reader's login is refused."""

    because: Unobserved


class NoAnswer(Facts, frozen=True, tag="no-answer"):
    """The request was sent, and no answer came."""

    because: Unobserved


class UnclearReply(Facts, frozen=True, tag="unclear-reply"):
    """The answer neither allows nor refuses: a server in trouble, a proxy's page, a status of something else."""

    status: int
    reply: str


class NoAuditLine(Facts, frozen=True, tag="no-audit-line"):
    """OpenBao's audit log has no line of the request."""


class GrantedByOthers(Facts, frozen=True, tag="granted-by-others"):
    """Other policies than the lane's let the request pass; ``only`` is the policy that alone should have."""

    policies: tuple[str, ...]
    only: str = ""


class OtherReason(Facts, frozen=True, tag="other-reason"):
    """The login was refused for another reason than the claim that was changed."""

    reply: str


class RefusedAtLogin(Facts, frozen=True, tag="refused-at-login"):
    """The login was refused, so the policy was never asked."""

    reply: str


class CallerRefused(Facts, frozen=True, tag="caller-refused"):
    """Whoever asked may not ask this: it takes that capability on that path."""

    reply: str
    path: str = ""
    capability: str = "read"


class ReaderRefused(Facts, frozen=True, tag="reader-refused"):
    """A declared reader is refused.

    ``unconfirmed``: the login was denied without a reason, which is also what happens where the cluster does not let
    OpenBao review tokens.
    """

    reply: str
    unconfirmed: bool = False


class NotWrapped(Facts, frozen=True, tag="not-wrapped"):
    """The read was allowed, and the answer was not wrapped as requested."""


class NoLiveVersion(Facts, frozen=True, tag="no-live-version"):
    """There is no live version: nothing was put there, or it was deleted.

    ``deleted`` is the newest version where it can be undeleted.
    """

    deleted: int = 0


class FieldsDiffer(Facts, frozen=True, tag="fields-differ"):
    """The fields are not exactly the declared ones."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


class PathCapabilities(Facts, frozen=True):
    """What is held on a path; empty where the server states nothing about it."""

    path: str
    held: tuple[str, ...]


class CapabilitiesDiffer(Facts, frozen=True, tag="capabilities-differ"):
    """The reader holds other capabilities than read on the path and nothing beside it."""

    paths: tuple[PathCapabilities, ...]


# -- a comparison with the declaration --------------------------------------------------------------------------------


class NotKvVersion2(Facts, frozen=True, tag="not-kv-2"):
    """The mount is not KV version 2: no probe was sent, since one might overwrite a value there."""

    mount: str


class ObjectDiffers(Facts, frozen=True, tag="object-differs"):
    """An object is not as declared; its differences are in the verdict. The fields are those of `Change`."""

    action: Action
    kind: str
    name: str
    namespace: str = ""
    obstacle: Obstacle | None = None
    widening: Widening | None = None


class ObjectsCompared(Facts, frozen=True, tag="objects-compared"):
    """How many objects were compared, and are as declared."""

    count: int


class OnlyMembersCanShow(Facts, frozen=True, tag="only-members"):
    """Only a member of the group can show that it may read: by logging in at that mount with that role."""

    mount: str
    role: str


class ShownByMember(Facts, frozen=True, tag="shown-by-member"):
    """A member of the group has shown it: when (ISO 8601 UTC), and by which record of the journal."""

    at: str
    record: int


class OnlyTheReaderCanShow(Facts, frozen=True, tag="only-the-reader"):
    """Only the reader itself can show that it may read: a job, with its token; or who has the certificate, with it."""

    reader: str
    credential: Literal["token", "certificate"]


class ClosedMeanwhile(Facts, frozen=True, tag="closed-meanwhile"):
    """The lane was closed while it was proven, by that record of the journal: refusals since then say nothing."""

    reason: str
    record: int


# -- every other way in -----------------------------------------------------------------------------------------------


class NobodyElse(Facts, frozen=True, tag="nobody-else"):
    """Nobody else can reach the path: who may is declared, by the paths of their roles; and how many were looked at."""

    readers: tuple[str, ...]
    administrators: tuple[str, ...]
    policies: int
    identities: int
    tokens: int


class OtherWayIn(Facts, frozen=True, tag="other-way-in"):
    """Somebody else can reach the path: how, by which rules, and by which chain of writes (`ways`).

    ``identities`` is how many can; more than one where it is a policy that lets them all in. Its parts are without
    secret material, but for the accessor of a token, by which it is revoked.
    """

    identity: Identity
    effects: tuple[Effect, ...]
    rules: tuple[Rule, ...]
    via: tuple[Step, ...] = ()
    conditions: tuple[Condition, ...] = ()
    last_used: str = ""
    identities: int = 1

    def __post_init__(self) -> None:
        """The identity redacts itself, and knows that an accessor is not secret."""
        identity = self.identity
        super().__post_init__()
        msgspec.structs.force_setattr(self, "identity", identity)


class NotLookedAt(Facts, frozen=True, tag="not-looked-at"):
    """Something could not be looked at, where a way in may be; the right that is missing, as a policy writes it."""

    what: Subject
    name: str
    why: Reason
    namespace: str = ""
    path: str = ""
    capabilities: tuple[str, ...] = ()


class DecidedFromPolicies(Facts, frozen=True, tag="decided-from-policies"):
    """Nobody was asked: the policies say it, by these rules; none where nothing allows it."""

    rules: tuple[Rule, ...] = ()


class HeldBeyond(Facts, frozen=True, tag="held-beyond"):
    """The reader's login gives policies of its identity besides those of its role."""

    policies: tuple[str, ...]


# -- how a value is kept ----------------------------------------------------------------------------------------------


class RightMissing(Facts, frozen=True, tag="right-missing"):
    """Whoever runs the proof may not look: the capabilities it takes, on which path, and what was answered."""

    path: str
    capabilities: tuple[str, ...]
    because: Unobserved


class SettingsChecked(Facts, frozen=True, tag="settings-checked"):
    """How many settings of path, mount and audit log were looked at, and are as they should be."""

    count: int


class Expiring(Facts, frozen=True, kw_only=True, tag="expiring"):
    """The live version deletes itself ``at`` (ISO 8601 UTC; empty where only later ones do).

    ``after``: the seconds after which a new version does, as the path says (``of``), or its mount; 0 if none does.
    """

    at: str = ""
    after: int = 0
    of: Literal["path", "mount"] = "path"


class TooFewVersions(Facts, frozen=True, tag="too-few-versions"):
    """So many versions are kept that the one in use goes when the next one is written."""

    kept: int


class DevicesInClear(Facts, frozen=True, tag="devices-in-clear"):
    """Audit devices that hash nothing (``log_raw``)."""

    devices: tuple[str, ...]


class FieldsInClear(Facts, frozen=True, tag="fields-in-clear"):
    """Fields that the mount's tuning leaves in clear in the audit log: when they are read, or written."""

    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


class HeaderNotRegistered(Facts, frozen=True, tag="header-not-registered"):
    """The audit log does not have the probes' header in clear, so no line can be found."""

    header: str


class ValueInMetadata(Facts, frozen=True, tag="value-in-metadata"):
    """Keys of the path's custom metadata that hold a value in clear; one that itself holds it is not named."""

    keys: tuple[str, ...]
    unnamed: int = 0


class NotCompared(Facts, frozen=True, tag="not-compared"):
    """How many texts of the path's custom metadata, beside the marks, were not compared with the value."""

    count: int


class FieldDoubts(Facts, frozen=True):
    """What is doubtful about the value of a field."""

    field: str
    doubts: tuple[Doubt, ...]


class ValuesDoubtful(Facts, frozen=True, tag="values-doubtful"):
    """Values that are probably not the secrets that were meant."""

    fields: tuple[FieldDoubts, ...]


class AcceptedAsIs(Facts, frozen=True, tag="accepted-as-is"):
    """They were put with ``--as-is``, by that record of the journal, and nothing else is doubtful about them."""

    fields: tuple[str, ...]
    record: int


class NobodyInspects(Facts, frozen=True, tag="nobody-inspects"):
    """No reader could be played that may read, so the value was not looked at."""


class HeldBack(Facts, frozen=True, tag="held-back"):
    """Something was not done because it would write a value or a token in clear into the audit log."""


CustodyDetail = (
    Unobserved
    | RightMissing
    | SettingsChecked
    | Expiring
    | TooFewVersions
    | DevicesInClear
    | FieldsInClear
    | HeaderNotRegistered
    | ValueInMetadata
    | NotCompared
    | ValuesDoubtful
    | AcceptedAsIs
    | NobodyInspects
    | HeldBack
    | NotSent
    | ReaderCannotLogIn
    | NoAnswer
    | UnclearReply
    | NoAuditLine
    | GrantedByOthers
    | OtherReason
    | RefusedAtLogin
    | CallerRefused
    | ReaderRefused
    | NotWrapped
    | NoLiveVersion
    | FieldsDiffer
    | CapabilitiesDiffer
    | NotKvVersion2
    | ObjectDiffers
    | ObjectsCompared
    | OnlyMembersCanShow
    | ShownByMember
    | OnlyTheReaderCanShow
    | ClosedMeanwhile
    | NobodyElse
    | OtherWayIn
    | NotLookedAt
    | DecidedFromPolicies
    | HeldBeyond
)
