"""prove, in a cluster: request a refresh now and observe everything that it should have led to.

The order: what differs from the declaration; a marker in OpenBao's audit log (its clock says from when on a read
counts); the Secret as it is; the refresh; then the Secret again, its consumers and who may read it. Nothing is changed
but one annotation that requests the refresh. A Secret's values are handed to OpenBao's audit device to be hashed, and
to nobody else.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from warden.core.clusters.exposure import ExposureObservation
from warden.core.clusters.manifests import Ref, external_secret_of
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.errors import Refused, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Consumer
from warden.core.openbao.api import KvMetadata
from warden.core.proofs.consumer_check import ConsumerObservation
from warden.core.proofs.copies_observation import CopiesObservation
from warden.core.proofs.copies_verdicts import judge_copies
from warden.core.proofs.delivery_details import MarkerMissing, RefreshWithheld
from warden.core.proofs.delivery_observation import DeliveryObservation, EarlierSecret, Part, Sync
from warden.core.proofs.delivery_verdict import verdict_on
from warden.core.proofs.delivery_verdicts import judge_delivery
from warden.core.proofs.evidence import Evidence
from warden.core.proofs.findings import Flags, cluster_findings, flags_of
from warden.core.proofs.overwrite_check import overwritten
from warden.core.proofs.verdict import Verdict, conclusion
from warden.core.routes.proof_summary import DeliverySummary
from warden.core.secret import Secret
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.cluster import Cluster
from warden.ports.clusters import Clusters
from warden.ports.vault import Vault
from warden.usecases.steps.consumers import keys_beside, selected_pods
from warden.usecases.steps.copies import CopiesSearch
from warden.usecases.steps.exposure import Exposures
from warden.usecases.steps.fingerprints import hash_of, other_fingerprint
from warden.usecases.steps.probe_sender import write_marker
from warden.usecases.steps.refresh import PATIENCE, openbao_away, refresh
from warden.usecases.targets.cluster import ClusterTarget

_Found = TypeVar("_Found")


class DeliveryTools(msgspec.Struct, frozen=True, kw_only=True):
    """What deliveries are observed with: the audit device that hashes values, and the seconds a refresh may take."""

    clusters: Clusters
    device: str
    exposures: Exposures
    copies: CopiesSearch
    patience: float = PATIENCE


WITHHELD = Unobserved("inconclusive", "audit log", RefreshWithheld())
"""Why nothing is said of a refresh, and of what it delivers, while the audit log would show values."""


_WITHHELD: tuple[Part, ...] = ("refresh", "hashes", "audit")


class ObservedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was observed, and the nonce of its marker in the audit log.

    ``findings`` are verdicts that need no evidence; ``seen`` is ``None`` where nothing could be observed. ``flags`` are
    what `apply` needs to get through the plan of the cluster.
    """

    target: DeliveryTarget
    findings: tuple[Verdict, ...]
    seen: DeliveryObservation | None
    nonce: str = ""
    flags: Flags = Flags()


def observe_delivery(
    target: DeliveryTarget, vault: Vault, tools: DeliveryTools, nonce: str, *, withheld: bool = False
) -> ObservedDelivery:
    """Everything that can be observed of one delivery; what cannot is in ``seen.unobserved``, and never a pass.

    `withheld`: no refresh is requested, and no value is handed to the audit device.
    """
    cluster = tools.clusters[target.cluster]
    try:
        if isinstance(cluster, WardenError):
            raise cluster
        found: tuple[Verdict, ...] = ()
        flags = Flags()
        if not target.by_hand:
            plan = ClusterTarget(target, cluster, tools.clusters.reached(target)).plan()
            found, flags = cluster_findings(target, plan), flags_of(plan)
        seen = DeliveryObserver(target, cluster, vault, tools, withheld=withheld).observe(nonce)
    except WardenError as fault:
        away = verdict_on(target, "delivery", "inconclusive", "not-seen", unobserved(fault), subject=target.cluster)
        return ObservedDelivery(target=target, findings=(away,), seen=None)
    return ObservedDelivery(target=target, findings=found, seen=seen, nonce="" if withheld else nonce, flags=flags)


class DeliveryObserver:
    """Observes one delivery; each step keeps why it could not be taken."""

    def __init__(
        self, target: DeliveryTarget, cluster: Cluster, vault: Vault, tools: DeliveryTools, *, withheld: bool = False
    ) -> None:
        self._target = target
        self._cluster = cluster
        self._vault = vault
        self._tools = tools
        self._withheld = withheld
        self._unobserved: dict[Part, Unobserved] = dict.fromkeys(_WITHHELD, WITHHELD) if withheld else {}

    def observe(self, nonce: str) -> DeliveryObservation:
        """Take every step, in the order that the head of this file says."""
        target, before = self._target, self._newest_version()
        earlier = None if target.by_hand else self._earlier()
        sync = None if target.by_hand or self._withheld else self._refreshed(nonce)
        secret = self._try("secret", lambda: self._cluster.secret(target.namespace, target.secret))
        synced = sync is not None and sync.followed == "synced"
        compared = (target.by_hand or synced) and not self._withheld
        exposure = self._try("exposure", lambda: self._tools.exposures.of(target, self._cluster))
        tokens = self._try("token-secrets", lambda: self._tools.exposures.token_secrets(target, self._cluster))
        consumers = self._consumers()
        copies = self._try("copies", lambda: self._beside(secret, consumers))
        external = None if target.by_hand else self._try("refresh", self._external_secret)
        after = self._newest_version()
        return DeliveryObservation(
            target=target,
            sync=sync,
            external=external,
            secret=secret,
            earlier=self._changed_since(earlier, secret) if earlier and secret and synced else None,
            account_uid=self._account_uid(),
            hashes=self._hashes(secret) if secret and compared else {},
            fingerprints=self._fingerprints(secret) if secret and compared else {},
            versions=(before.current if before else 0, after.current if after else 0),
            deleted=after.deleted if after else 0,
            consumers=tuple(consumers),
            exposure=exposure or ExposureObservation(),
            token_secrets=tokens,
            copies=copies or CopiesObservation(),
            unobserved=self._unobserved,
        )

    def _try(self, part: Part, observe: Callable[[], _Found]) -> _Found | None:
        try:
            return observe()
        except WardenError as fault:
            self._unobserved.setdefault(part, unobserved(fault))
            return None

    def _external_secret(self) -> dict[str, object] | None:
        found = self._cluster.get(external_secret_of(self._target))
        return dict(found) if found is not None else None

    def _earlier(self) -> tuple[SecretObservation, str] | None:
        """The Secret as it is before the refresh, and when the operator refreshed it last."""
        target = self._target
        secret = self._try("earlier", lambda: self._cluster.secret(target.namespace, target.secret))
        external = self._try("earlier", lambda: self._cluster.get(external_secret_of(target)))
        if secret is None:
            return None
        return secret, str(((external or {}).get("status") or {}).get("refreshTime") or "")

    def _changed_since(self, earlier: tuple[SecretObservation, str], after: SecretObservation) -> EarlierSecret | None:
        """What there was before, where the refresh wrote the Secret anew."""
        secret, refreshed = earlier
        if secret.metadata.get("resourceVersion") == after.metadata.get("resourceVersion"):
            return None
        custody = self._target.lane.custody
        newest = self._try("earlier", lambda: self._vault.kv_metadata(custody.mount, custody.key))
        return EarlierSecret(
            metadata=secret.metadata,
            hashes=self._hashes(secret, "earlier"),
            fingerprints=self._fingerprints(secret, "earlier"),
            fields=frozenset(secret.values),
            refreshed=refreshed,
            written=newest.written if newest else None,
        )

    def _refreshed(self, nonce: str) -> Sync | None:
        self._try("audit", lambda: write_marker(self._vault, nonce))
        external = external_secret_of(self._target)
        found = self._try("refresh", lambda: refresh(self._cluster, external, self._tools.patience))
        if found is not None and found.followed in {"failed", "silent"} and (away := openbao_away(self._vault)):
            self._unobserved.setdefault("refresh", away)
            return None
        return found

    def _newest_version(self) -> KvMetadata | None:
        custody = self._target.lane.custody
        return self._try("version", lambda: self._vault.kv_metadata(custody.mount, custody.key))

    def _account_uid(self) -> str:
        account = self._target.reader.workload
        ref = Ref("ServiceAccount", account.namespace, account.account)
        found = self._try("account", lambda: self._cluster.get(ref))
        return str(found["metadata"].get("uid", "")) if found else ""

    def _hashes(self, secret: SecretObservation, part: Part = "hashes") -> dict[str, str]:
        """The keyed hash of each of the lane's fields, as the audit device makes it."""
        return self._each(secret, part, hash_of)

    def _fingerprints(self, secret: SecretObservation, part: Part = "hashes") -> dict[str, str]:
        """What each has in an audit line if it stands for something else than a text."""
        return self._each(secret, part, other_fingerprint)

    def _each(self, secret: SecretObservation, part: Part, ask: Callable[[Vault, str, Secret], str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for field in self._target.lane.custody.fields:
            if field in secret.values:
                answer = self._try(part, partial(ask, self._vault, self._tools.device, secret.values[field]))
                found |= {field: answer} if answer else {}
        return found

    def _beside(self, secret: SecretObservation | None, consumers: Sequence[ConsumerObservation]) -> CopiesObservation:
        """What there is beside the delivery, the consumers' own objects included."""
        own = [each for consumer in consumers for each in (consumer.deployment, *consumer.pods) if each is not None]
        reached = self._tools.clusters.reached(self._target)
        return self._tools.copies.beside(self._target, self._cluster, reached, secret, own)

    def _consumers(self) -> list[ConsumerObservation]:
        declared = self._target.lane.consumers
        return [self._consumer(each) for each in declared if each.deployment.startswith(f"{self._target.namespace}/")]

    def _consumer(self, consumer: Consumer) -> ConsumerObservation:
        name, overlay = consumer.deployment, consumer.overlay or ""
        namespace, _, deployment = name.partition("/")
        try:
            found = self._cluster.get(Ref("Deployment", namespace, deployment))
            pods = selected_pods(self._cluster, namespace, found) if found else ()
        except Refused as fault:
            return ConsumerObservation(name=name, deployment=None, overlay=overlay, unobserved=unobserved(fault))
        others = keys_beside(self._cluster, namespace, self._target.secret, found) if found else {}
        return ConsumerObservation(name=name, deployment=found, pods=tuple(pods), others=others, overlay=overlay)


def conclude_delivery(observed: ObservedDelivery, evidence: Evidence) -> tuple[Verdict, ...]:
    """The verdicts, with the audit log at hand: from when on reads count, or why that is not known."""
    if observed.seen is None:
        return observed.findings
    seen, handed = _with_marker(observed.seen, observed.nonce, evidence), evidence.handed_of(observed.target.lane)
    return (*observed.findings, *judge_delivery(seen, handed), *judge_copies(seen), *overwritten(seen, handed))


def _with_marker(seen: DeliveryObservation, nonce: str, evidence: Evidence) -> DeliveryObservation:
    if evidence.unavailable is not None:
        return msgspec.structs.replace(seen, unobserved={**seen.unobserved, "audit": evidence.unavailable})
    marks = [line.at for line in evidence.lines.get(nonce, ()) if line.kind == "response"]
    if not marks and not seen.target.by_hand:
        missing = Unobserved("inconclusive", "audit log", MarkerMissing())
        return msgspec.structs.replace(seen, unobserved={"audit": missing, **seen.unobserved})
    return msgspec.structs.replace(seen, marker=marks[0] if marks else "")


def summarize(observed: ObservedDelivery, verdicts: Sequence[Verdict]) -> DeliverySummary:
    """What the journal keeps of a delivery."""
    seen = observed.seen
    secret = seen.secret if seen else None
    return DeliverySummary(
        state=conclusion(tuple(verdicts)),
        version=seen.versions[1] if seen else 0,
        secret=str(secret.metadata.get("resourceVersion", "")) if secret else "",
        by_hand=observed.target.by_hand,
    )
