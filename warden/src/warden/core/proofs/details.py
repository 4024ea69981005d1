"""What is behind a verdict, as facts: one structure for each kind of finding, described in ``present.verdicts``.

Words of other systems (OpenBao's errors, External Secrets Operator's events) stay quoted text, bounded and redacted, in
a field named ``reply`` or ``message``.
"""

from typing import Any, Literal

import msgspec

from warden.core.clusters.exposure import ReadableBy
from warden.core.errors import WardenError
from warden.core.plans.plan import Action, Obstacle, OwnedBy, SharedAccount, Widening


class Unobserved(msgspec.Struct, frozen=True, tag="unobserved"):
    """Something could not be observed; the fields are those of `WardenError`."""

    kind: str
    system: str
    problem: Any
    """A text of an adapter, or a structure that ``present.problems`` describes."""


def unobserved(fault: WardenError) -> Unobserved:
    """Why something could not be observed."""
    return Unobserved(fault.kind, fault.system, fault.problem)


class NotServing(msgspec.Struct, frozen=True, tag="not-serving"):
    """OpenBao is sealed, or not initialised: nobody can read from it now."""

    system: str
    initialized: bool


# -- an answer of OpenBao ---------------------------------------------------------------------------------------------


class NotSent(msgspec.Struct, frozen=True, tag="not-sent"):
    """The request was not sent: there is no token to send it with, or the server gave no answer before."""

    because: Unobserved


class ReaderCannotLogIn(msgspec.Struct, frozen=True, tag="reader-cannot-log-in"):
    """The request was not sent: it takes the reader's session, and the reader's login is refused."""

    because: Unobserved


class NoAnswer(msgspec.Struct, frozen=True, tag="no-answer"):
    """The request was sent, and no answer came."""

    because: Unobserved


class UnclearReply(msgspec.Struct, frozen=True, tag="unclear-reply"):
    """The answer neither allows nor refuses: a server in trouble, a proxy's page, a status of something else."""

    status: int
    reply: str


class NoAuditLine(msgspec.Struct, frozen=True, tag="no-audit-line"):
    """OpenBao's audit log has no line of the request."""


class GrantedByOthers(msgspec.Struct, frozen=True, tag="granted-by-others"):
    """Other policies than the lane's let the request pass; ``only`` is the policy that alone should have."""

    policies: tuple[str, ...]
    only: str = ""


class OtherReason(msgspec.Struct, frozen=True, tag="other-reason"):
    """The login was refused for another reason than the claim that was changed."""

    reply: str


class RefusedAtLogin(msgspec.Struct, frozen=True, tag="refused-at-login"):
    """The login was refused, so the policy was never asked."""

    reply: str


class CallerRefused(msgspec.Struct, frozen=True, tag="caller-refused"):
    """Whoever runs the proof may not ask this."""

    reply: str


class ReaderRefused(msgspec.Struct, frozen=True, tag="reader-refused"):
    """A declared reader is refused.

    ``unconfirmed``: the login was denied without a reason, which is also what happens where the cluster does not let
    OpenBao review tokens.
    """

    reply: str
    unconfirmed: bool = False


class NotWrapped(msgspec.Struct, frozen=True, tag="not-wrapped"):
    """The read was allowed, and the answer was not wrapped as requested."""


class NoLiveVersion(msgspec.Struct, frozen=True, tag="no-live-version"):
    """There is no live version: nothing was put there, or it was deleted."""


class FieldsDiffer(msgspec.Struct, frozen=True, tag="fields-differ"):
    """The fields are not exactly the declared ones."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


class PathCapabilities(msgspec.Struct, frozen=True):
    """What is held on a path; empty where the server states nothing about it."""

    path: str
    held: tuple[str, ...]


class CapabilitiesDiffer(msgspec.Struct, frozen=True, tag="capabilities-differ"):
    """The reader holds other capabilities than read on the path and nothing beside it."""

    paths: tuple[PathCapabilities, ...]


# -- a comparison with the declaration --------------------------------------------------------------------------------


class NotKvVersion2(msgspec.Struct, frozen=True, tag="not-kv-2"):
    """The mount is not KV version 2: no probe was sent, since one might overwrite a value there."""

    mount: str


class ObjectDiffers(msgspec.Struct, frozen=True, tag="object-differs"):
    """An object is not as declared; its differences are in the verdict. The fields are those of `Change`."""

    action: Action
    kind: str
    name: str
    namespace: str = ""
    obstacle: Obstacle | None = None
    widening: Widening | None = None


class ObjectsCompared(msgspec.Struct, frozen=True, tag="objects-compared"):
    """How many objects were compared, and are as declared."""

    count: int


class OnlyMembersCanShow(msgspec.Struct, frozen=True, tag="only-members"):
    """Only a member of the group can show that it may read: by logging in at that mount with that role."""

    mount: str
    role: str


class ClosedMeanwhile(msgspec.Struct, frozen=True, tag="closed-meanwhile"):
    """The lane was closed while it was proven, by that record of the journal: refusals since then say nothing."""

    reason: str
    record: int


# -- a delivery -------------------------------------------------------------------------------------------------------


class SecretMissing(msgspec.Struct, frozen=True, tag="secret-missing"):
    """There is no such Secret."""

    secret: str


class OwnedByOther(msgspec.Struct, frozen=True, tag="owned-by-other"):
    """Somebody else than the lane's ExternalSecret owns the Secret."""

    owner: OwnedBy


class NotOwned(msgspec.Struct, frozen=True, tag="not-owned"):
    """Nobody owns the Secret: it was made by hand, or its owner was deleted."""


class OwnerUnknown(msgspec.Struct, frozen=True, tag="owner-unknown"):
    """Whether the ExternalSecret owns the Secret could not be observed."""

    because: Unobserved


class SecretImmutable(msgspec.Struct, frozen=True, tag="immutable"):
    """The Secret is immutable: no new value can reach it."""


class NotRenewed(msgspec.Struct, frozen=True, tag="not-renewed"):
    """Nothing renews the Secret when the value changes."""


class ExternalSecretMissing(msgspec.Struct, frozen=True, tag="external-secret-missing"):
    """There is no such ExternalSecret."""

    external_secret: str


class RefreshFailed(msgspec.Struct, frozen=True, tag="refresh-failed"):
    """External Secrets Operator tried, and says why it failed."""

    message: str


class NoReaction(msgspec.Struct, frozen=True, tag="no-reaction"):
    """External Secrets Operator did not react to the request."""

    message: str


class NewestUnknown(msgspec.Struct, frozen=True, tag="newest-unknown"):
    """A version was handed out, and which one is the newest could not be observed."""

    version: int
    because: Unobserved


class VersionDiffers(msgspec.Struct, frozen=True, tag="version-differs"):
    """Another version than the newest was handed out."""

    handed: int
    newest: int


class ReadByOtherRole(msgspec.Struct, frozen=True, tag="other-role"):
    """The read was made with another role than the declared one."""

    role: str
    declared: str


class ReadByOthers(msgspec.Struct, frozen=True, tag="read-by-others"):
    """The path was read, and not by the reader; ``exists`` is false where the cluster has no such account."""

    readers: tuple[str, ...]
    account: str
    exists: bool = True


class NoReadFound(msgspec.Struct, frozen=True, tag="no-read"):
    """The audit log has no read of the value that was delivered: it came from elsewhere."""


class NothingDelivered(msgspec.Struct, frozen=True, tag="nothing-delivered"):
    """Nothing was delivered just now, or there is no audit line of it: there is nothing to compare with."""


class NoOtherDelivery(msgspec.Struct, frozen=True, tag="no-other-delivery"):
    """No delivery by External Secrets Operator was refreshed in this proof, which the value could be compared with."""


class MarkerMissing(msgspec.Struct, frozen=True, tag="marker-missing"):
    """The audit log has no line of the marker, so no read is known to be later than the request for the refresh."""


class ValueDiffers(msgspec.Struct, frozen=True, tag="value-differs"):
    """These fields hold another value than that version."""

    fields: tuple[str, ...]
    version: int


class LoggedInClear(msgspec.Struct, frozen=True, tag="logged-in-clear"):
    """The audit log holds the values of these fields in clear, not as keyed hashes."""

    fields: tuple[str, ...]


class CopiesInClear(msgspec.Struct, frozen=True, tag="copies-in-clear"):
    """These annotations and labels of the Secret hold a value in clear."""

    keys: tuple[str, ...]


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """How many subjects the API server was asked about, and for how many they stand."""

    asked: int
    known: int


class ReadableByOthers(msgspec.Struct, frozen=True, tag="readable-by-others"):
    """Subjects that may read the Secret and are not meant to, groups first."""

    subjects: tuple[ReadableBy, ...]
    asked: int
    known: int


class Writer(msgspec.Struct, frozen=True):
    """Who wrote a field (a field manager) and when, as the API server recorded it; empty where it did not."""

    manager: str
    at: str


class OverwrittenField(msgspec.Struct, frozen=True):
    """A field that was not as delivered. Who removed one is not recorded by the API server."""

    field: str
    change: Literal["changed", "removed", "added"]
    writers: tuple[Writer, ...] = ()


class Overwritten(msgspec.Struct, frozen=True, tag="overwritten"):
    """The Secret held something else than was delivered until this refresh; who read it meanwhile still has that."""

    fields: tuple[OverwrittenField, ...]


# -- a consumer -------------------------------------------------------------------------------------------------------


class DeploymentMissing(msgspec.Struct, frozen=True, tag="deployment-missing"):
    """There is no such Deployment."""


class SecretNotUsed(msgspec.Struct, frozen=True, tag="secret-not-used"):
    """The Deployment neither mounts the Secret nor takes it into its environment."""

    secret: str


class NoPodRuns(msgspec.Struct, frozen=True, tag="no-pod"):
    """None of its pods runs, so nobody uses the value."""


class PodsOfOtherTemplate(msgspec.Struct, frozen=True, tag="other-template"):
    """These pods run an earlier template, without the Secret."""

    pods: tuple[str, ...]
    secret: str


class SecretNotObserved(msgspec.Struct, frozen=True, tag="secret-not-observed"):
    """The Secret does not exist or was not observed, so what its consumers run with is not known."""


class LastChangeUnknown(msgspec.Struct, frozen=True, tag="last-change-unknown"):
    """The API server has not recorded when the Secret was last changed."""


class PodsOlder(msgspec.Struct, frozen=True, tag="pods-older"):
    """These pods started before the Secret's last change (ISO 8601 UTC) and do not follow it."""

    pods: tuple[str, ...]
    changed: str


Detail = (
    Unobserved
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
    | ClosedMeanwhile
    | SecretMissing
    | OwnedByOther
    | NotOwned
    | OwnerUnknown
    | SecretImmutable
    | NotRenewed
    | ExternalSecretMissing
    | RefreshFailed
    | NoReaction
    | NewestUnknown
    | VersionDiffers
    | ReadByOtherRole
    | ReadByOthers
    | NoReadFound
    | NothingDelivered
    | NoOtherDelivery
    | ValueDiffers
    | LoggedInClear
    | CopiesInClear
    | Asked
    | ReadableByOthers
    | Overwritten
    | SharedAccount
    | DeploymentMissing
    | SecretNotUsed
    | NoPodRuns
    | PodsOfOtherTemplate
    | SecretNotObserved
    | LastChangeUnknown
    | PodsOlder
)
