"""What is behind a verdict on a delivery or a consumer, as facts; see ``details``."""

from typing import Literal

from warden.core.plans.plan import BeingDeleted, OwnedBy, SharedAccount
from warden.core.proofs.exposure_details import ExposureDetail
from warden.core.quoting import Facts
from warden.core.unobserved import Unobserved


class SecretMissing(Facts, frozen=True, tag="secret-missing"):
    """There is no such Secret."""

    secret: str


class OwnedByOther(Facts, frozen=True, tag="owned-by-other"):
    """Somebody else than the lane's ExternalSecret owns the Secret."""

    owner: OwnedBy


class NotOwned(Facts, frozen=True, tag="not-owned"):
    """Nobody owns the Secret: it was made by hand, or its owner was deleted."""


class OwnerUnknown(Facts, frozen=True, tag="owner-unknown"):
    """Whether the ExternalSecret owns the Secret could not be observed."""

    because: Unobserved


class SecretImmutable(Facts, frozen=True, tag="immutable"):
    """The Secret is immutable: no new value can reach it."""


class NotRenewed(Facts, frozen=True, tag="not-renewed"):
    """Nothing renews the Secret when the value changes."""


class ExternalSecretMissing(Facts, frozen=True, tag="external-secret-missing"):
    """There is no such ExternalSecret."""

    external_secret: str


class RefreshFailed(Facts, frozen=True, tag="refresh-failed"):
    """External Secrets Operator tried, and says why it failed."""

    message: str


class NoReaction(Facts, frozen=True, tag="no-reaction"):
    """External Secrets Operator left the ExternalSecret as it was for that many seconds.

    ``last_reason`` and ``last_at`` are its last word about it (condition ``Ready``), empty where there is none.
    """

    waited: float = 0.0
    last_reason: str = ""
    last_at: str = ""


class NewestUnknown(Facts, frozen=True, tag="newest-unknown"):
    """A version was handed out, and which one is the newest could not be observed."""

    version: int
    because: Unobserved


class VersionDiffers(Facts, frozen=True, tag="version-differs"):
    """Another version than the newest was handed out."""

    handed: int
    newest: int


class ReadByOtherRole(Facts, frozen=True, tag="other-role"):
    """The read was made with another role than the declared one."""

    role: str
    declared: str


class ReadByOthers(Facts, frozen=True, tag="read-by-others"):
    """The path was read, and not by the reader; ``exists`` is false where the cluster has no such account."""

    readers: tuple[str, ...]
    account: str
    exists: bool = True


class NoReadFound(Facts, frozen=True, tag="no-read"):
    """The audit log has no read of the value that was delivered: it came from elsewhere."""


class NothingDelivered(Facts, frozen=True, tag="nothing-delivered"):
    """Nothing was delivered just now, or there is no audit line of it: there is nothing to compare with."""


class NoOtherDelivery(Facts, frozen=True, tag="no-other-delivery"):
    """No delivery by External Secrets Operator was refreshed in this proof, which the value could be compared with."""


class RefreshWithheld(Facts, frozen=True, tag="refresh-withheld"):
    """No refresh was requested: it would have written the value in clear into the audit log, or not be found there."""


class MarkerMissing(Facts, frozen=True, tag="marker-missing"):
    """The audit log has no line of the marker, so no read is known to be later than the request for the refresh."""


class ValueDiffers(Facts, frozen=True, tag="value-differs"):
    """These fields hold another value than that version."""

    fields: tuple[str, ...]
    version: int


class LoggedInClear(Facts, frozen=True, tag="logged-in-clear"):
    """The audit log holds the values of these fields in clear, not as keyed hashes."""

    fields: tuple[str, ...]


class NumbersInClear(Facts, frozen=True, tag="numbers-in-clear"):
    """OpenBao holds numbers in these fields, which no audit device hashes: the audit log has them in clear."""

    fields: tuple[str, ...]


class EmptyValues(Facts, frozen=True, tag="empty-values"):
    """These fields are delivered empty, and no audit device hashes an empty text: there is nothing to compare."""

    fields: tuple[str, ...]


class CopiesInClear(Facts, frozen=True, tag="copies-in-clear"):
    """These annotations and labels of the Secret hold a value in clear."""

    keys: tuple[str, ...]


class Writer(Facts, frozen=True):
    """Who wrote a field (a field manager) and when, as the API server recorded it; empty where it did not."""

    manager: str
    at: str


class OverwrittenField(Facts, frozen=True):
    """A field that was not as delivered. Who removed one is not recorded by the API server."""

    field: str
    change: Literal["changed", "removed", "added"]
    writers: tuple[Writer, ...] = ()


class Overwritten(Facts, frozen=True, tag="overwritten"):
    """The Secret held something else than was delivered until this refresh; who read it meanwhile still has that."""

    fields: tuple[OverwrittenField, ...]


class TakenBy(Facts, frozen=True, kw_only=True, tag="taken-by"):
    """An object of External Secrets Operator that takes the value, writes it or hands the Secret on.

    ``store`` is what it does it by, ``managers`` who wrote it, ``owner`` the object that made it.
    """

    kind: str
    name: str
    effect: Literal["reads", "finds", "writes", "exports", "fills", "opens"]
    namespace: str = ""
    store: str = ""
    managers: tuple[str, ...] = ()
    owner: str = ""


class Replicated(Facts, frozen=True, tag="replicated"):
    """These annotations of the Secret have a controller copy it into other namespaces."""

    keys: tuple[str, ...]


class OperatorSearched(Facts, frozen=True, tag="operator-searched"):
    """How many objects of External Secrets Operator there are, and which of those that take the value are declared."""

    objects: int
    declared: tuple[str, ...] = ()


class KindsUnlisted(Facts, frozen=True, tag="kinds-unlisted"):
    """Objects of these kinds could not be listed, so what they do is not known."""

    kinds: tuple[str, ...]
    because: Unobserved


class CopiedTo(Facts, frozen=True, kw_only=True, tag="copied-to"):
    """A field of another object holds the same value. ``more`` is how many other objects do, too."""

    kind: str
    name: str
    field: str
    namespace: str = ""
    managers: tuple[str, ...] = ()
    owner: str = ""
    more: int = 0


class CopiesSought(Facts, frozen=True, kw_only=True, tag="copies-sought"):
    """How many objects were looked through for a copy, which kinds were not, and which fields were not looked for.

    ``declared`` are copies that are there by design.
    """

    objects: int
    skipped: tuple[str, ...] = ()
    guessable: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()


# -- a consumer -------------------------------------------------------------------------------------------------------


class DeploymentMissing(Facts, frozen=True, tag="deployment-missing"):
    """There is no such Deployment."""


class SecretNotUsed(Facts, frozen=True, tag="secret-not-used"):
    """The Deployment neither mounts the Secret nor takes it into its environment."""

    secret: str


class KeysNotThere(Facts, frozen=True, tag="keys-not-there"):
    """The Deployment takes keys that the Secret does not have, and none that it has."""

    keys: tuple[str, ...]


class Overridden(Facts, frozen=True, tag="overridden"):
    """Something else sets these variables as well, and wins: ``VARIABLE of CONTAINER``."""

    variables: tuple[str, ...]


class MayBeOverridden(Facts, frozen=True, tag="may-be-overridden"):
    """These are taken into the environment later (``configmap/NAME``), and may set the same variables."""

    sources: tuple[str, ...]


class InitContainersOnly(Facts, frozen=True, tag="init-containers-only"):
    """Only these init containers take the Secret; no container that stays does."""

    containers: tuple[str, ...]


class ContainersFailing(Facts, frozen=True, tag="containers-failing"):
    """Containers that do not start, or have ended: ``POD: REASON (CONTAINER)``."""

    containers: tuple[str, ...]


class StartedAgain(Facts, frozen=True, tag="started-again"):
    """These containers failed, and run again for less time than would show that they stay: ``pod: why (container)``."""

    containers: tuple[str, ...]


class NotReady(Facts, frozen=True, tag="not-ready"):
    """These pods run, and report that they are not ready."""

    pods: tuple[str, ...]


class NoPodRuns(Facts, frozen=True, tag="no-pod"):
    """None of its pods runs, so nobody uses the value."""


class PodsOfOtherTemplate(Facts, frozen=True, tag="other-template"):
    """These pods run an earlier template, without the Secret."""

    pods: tuple[str, ...]
    secret: str


class SecretNotObserved(Facts, frozen=True, tag="secret-not-observed"):
    """The Secret does not exist or was not observed, so what its consumers run with is not known."""


class LastChangeUnknown(Facts, frozen=True, tag="last-change-unknown"):
    """The API server has not recorded when the Secret was last changed."""


class PodsOlder(Facts, frozen=True, tag="pods-older"):
    """These pods started before the Secret's last change (ISO 8601 UTC) and do not follow it."""

    pods: tuple[str, ...]
    changed: str


DeliveryDetail = (
    SecretMissing
    | OwnedByOther
    | NotOwned
    | BeingDeleted
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
    | NumbersInClear
    | EmptyValues
    | CopiesInClear
    | Overwritten
    | TakenBy
    | Replicated
    | OperatorSearched
    | KindsUnlisted
    | CopiedTo
    | CopiesSought
    | DeploymentMissing
    | SecretNotUsed
    | KeysNotThere
    | Overridden
    | MayBeOverridden
    | InitContainersOnly
    | ContainersFailing
    | NotReady
    | StartedAgain
    | NoPodRuns
    | PodsOfOtherTemplate
    | SecretNotObserved
    | LastChangeUnknown
    | PodsOlder
    | SharedAccount
    | ExposureDetail
)
