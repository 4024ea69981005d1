"""prove, in a cluster: force a refresh now and look at everything it should have led to.

The order: what differs from the declaration; a marker in OpenBao's audit log (its clock says from when on a read
counts); the Secret as it is; the refresh; then the Secret again, its consumers and who may read it. Nothing is changed
but one annotation that asks for the refresh. A Secret's values are handed to OpenBao's audit device to be hashed, to
nobody else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from warden.core.clusters.manifests import Reached, Ref, external_secret_of
from warden.core.errors import Refused, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Consumer
from warden.core.openbao.api import AuditLine, Handed, Request, SecretSeen
from warden.core.plans.plan import BeingDeleted, Change, ManagedBy, NamespaceMissing, Plan, RoleRefFixed
from warden.core.proofs.consumer_check import Consuming
from warden.core.proofs.delivery_observation import Before, DeliverySeen, Sync
from warden.core.proofs.delivery_verdicts import judge_delivery
from warden.core.proofs.overwrite_check import healed
from warden.core.proofs.probes import HEADER
from warden.core.proofs.proof import Verdict, finding
from warden.core.remedies import RunKubectl
from warden.core.secret import Secret
from warden.ports.cluster import Cluster
from warden.ports.vault import Vault
from warden.usecases.exposure import Exposures
from warden.usecases.prove_lines import difference_lines as _difference_lines
from warden.usecases.refresh import PATIENCE, no_answer_of, refresh
from warden.usecases.targets.cluster import ClusterTarget

_Seen = TypeVar("_Seen")


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What deliveries are looked at with.

    ``clusters`` has, for each name, the cluster or why it cannot be asked; ``targets`` the deliveries of each lane.
    ``reached`` is OpenBao as the cluster reaches it, ``device`` the audit device that hashes.
    """

    targets: Mapping[str, Sequence[DeliveryTarget]]
    clusters: Mapping[str, Cluster | WardenError]
    reached: Callable[[DeliveryTarget], Reached]
    device: str
    exposures: Exposures
    patience: float = PATIENCE


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was looked at: findings, what was seen, and the nonce of its marker in the audit log."""

    target: DeliveryTarget
    found: tuple[Verdict, ...]
    seen: DeliverySeen | None
    nonce: str = ""

    @property
    def summary(self) -> dict[str, object]:
        """What the journal keeps: how it stands, the version, and the Secret's state by which a change is noticed."""
        words = [verdict.word for verdict in self.found]
        state = "refuted" if "FAIL" in words else "proven" if words and set(words) == {"ok"} else "inconclusive"
        secret = self.seen.secret if self.seen else None
        return {
            "state": state,
            "version": self.seen.versions[1] if self.seen else 0,
            "secret": str(secret.metadata.get("resourceVersion", "")) if secret else "",
            "by_hand": self.target.by_hand,
        }


def look(target: DeliveryTarget, vault: Vault, ground: Ground, nonce: str) -> Looked:
    """Everything that can be seen of one delivery; what cannot is in ``seen.unseen``, and will not count as good."""
    cluster = ground.clusters[target.cluster]
    if isinstance(cluster, WardenError):
        return Looked(target=target, found=(_unlooked(target, cluster),), seen=None)
    try:
        found = (
            () if target.by_hand else findings(target, ClusterTarget(target, cluster, ground.reached(target)).plan())
        )
        return Looked(target=target, found=found, seen=_Look(target, cluster, vault, ground).seen(nonce), nonce=nonce)
    except WardenError as fault:
        return Looked(target=target, found=(_unlooked(target, fault),), seen=None)


def _unlooked(target: DeliveryTarget, fault: WardenError) -> Verdict:
    return finding("delivery", f"delivered to {target.cluster}", fault.message, reader=target.label, word="??")


_FLAGS = {"foreign": " --take-over", "absent": " --create-namespace"}
"""What `apply` has to be told besides."""


def findings(target: DeliveryTarget, plan: Plan) -> tuple[Verdict, ...]:
    """What differs in the cluster from the declaration, object by object."""
    own = [change for change in plan.changes if change.kind != "Secret"]
    wrong = tuple(
        finding(
            change.kind.lower(),
            f"{change.kind} {change.name.rpartition('/')[2]} as derived",
            _what_differs(change),
            reader=target.label,
            difference=() if change.action == "create" else _difference_lines(change),
            mend=_mend(target, change),
        )
        for change in own
        if change.differs
    )
    if wrong:
        return wrong
    return (finding("objects", f"{len(own)} objects are exactly the derived ones", reader=target.label, word="ok"),)


def _what_differs(change: Change) -> str:
    if change.action == "create":
        return "there is none"
    fields = dict.fromkeys(each.field for each in change.differences)
    return "; ".join(filter(None, (f"other than declared: {', '.join(fields)}" if fields else "", _remark(change))))


def _mend(target: DeliveryTarget, change: Change) -> str:
    first = change.remedy[0] if change.remedy else None
    if isinstance(first, RunKubectl):
        where = f"{target.kubectl} -n {first.namespace}" if first.namespace else target.kubectl
        suffix = " -o yaml" if first.action == "get" else ""
        then = f" && warden apply {target.lane.id}" if len(change.remedy) > 1 else ""
        return f"{where} {first.action} {first.kind.lower()} {first.name}{suffix}{then}"
    return f"warden apply {target.lane.id}{_FLAGS.get(change.action, '')}"


def _remark(change: Change) -> str:
    found = change.obstacle
    if isinstance(found, ManagedBy):
        return f"managed by {', '.join(found.managers)}"
    if isinstance(found, BeingDeleted):
        held = f", held by {', '.join(found.finalizers)}" if found.finalizers else ""
        return f"is being deleted since {found.since}{held}"
    if isinstance(found, RoleRefFixed):
        return "a binding's role cannot be changed, only made anew"
    if isinstance(found, NamespaceMissing):
        return "does not exist; it is its tenant's"
    return "not marked as made by warden" if found else ""


class _Look:
    """One look at one delivery: each step keeps why it could not be taken."""

    def __init__(self, target: DeliveryTarget, cluster: Cluster, vault: Vault, ground: Ground) -> None:
        self._leg = target
        self._cluster = cluster
        self._vault = vault
        self._ground = ground
        self._unseen: dict[str, str] = {}

    def seen(self, nonce: str) -> DeliverySeen:
        target, before = self._leg, self._version()
        earlier = None if target.by_hand else self._earlier()
        sync = None if target.by_hand else self._refreshed(nonce)
        secret = self._try("secret", lambda: self._cluster.secret(target.namespace, target.secret))
        synced = sync is not None and sync.followed == "synced"
        exposed = self._try("exposure", lambda: self._ground.exposures.of(target, self._cluster))
        return DeliverySeen(
            target=target,
            sync=sync,
            external=None
            if target.by_hand
            else self._try("sync", lambda: self._cluster.get(external_secret_of(target))),
            secret=secret,
            before=self._before(earlier, secret) if earlier and secret and synced else None,
            account_uid=self._account_uid(),
            hashes=self._hashes(secret) if secret and (target.by_hand or synced) else {},
            versions=(before, self._version()),
            consumers=tuple(self._consumers()),
            exposed=exposed[0] if exposed else (),
            asked=exposed[1] if exposed else 0,
            known=exposed[2] if exposed else 0,
            unseen=self._unseen,
        )

    def _earlier(self) -> tuple[SecretSeen, str] | None:
        """The Secret as it is before the refresh, and when the operator refreshed it last."""
        secret = self._try("before", lambda: self._cluster.secret(self._leg.namespace, self._leg.secret))
        external = self._try("before", lambda: self._cluster.get(external_secret_of(self._leg)))
        if secret is None:
            return None
        return secret, str(((external or {}).get("status") or {}).get("refreshTime") or "")

    def _before(self, earlier: tuple[SecretSeen, str], after: SecretSeen) -> Before | None:
        """What there was before, where the refresh wrote the Secret anew."""
        secret, refreshed = earlier
        if secret.metadata.get("resourceVersion") == after.metadata.get("resourceVersion"):
            return None
        custody = self._leg.lane.custody
        newest = self._try("before", lambda: self._vault.kv_metadata(custody.mount, custody.key))
        return Before(
            metadata=secret.metadata,
            hashes=self._hashes(secret, "before"),
            fields=frozenset(secret.values),
            refreshed=refreshed,
            written=newest.written if newest else None,
        )

    def _try(self, what: str, look: Callable[[], _Seen]) -> _Seen | None:
        try:
            return look()
        except WardenError as fault:
            self._unseen.setdefault(what, fault.message)
            return None

    def _refreshed(self, nonce: str) -> Sync | None:
        marker = Request(method="GET", path="auth/token/lookup-self", headers={HEADER: nonce})
        self._try("audit", lambda: self._vault.send(self._vault.as_caller(marker)))
        ref = external_secret_of(self._leg)
        found = self._try("sync", lambda: refresh(self._cluster, ref, self._ground.patience))
        if found is not None and found.followed in {"failed", "silent"} and (away := no_answer_of(self._vault)):
            self._unseen.setdefault("sync", away[0])
            return None
        return found

    def _version(self) -> int:
        custody = self._leg.lane.custody
        found = self._try("version", lambda: self._vault.kv_metadata(custody.mount, custody.key))
        return found.current if found else 0

    def _account_uid(self) -> str:
        account = self._leg.reader.workload
        ref = Ref("ServiceAccount", account.namespace, account.account)
        found = self._try("account", lambda: self._cluster.get(ref))
        return str(found["metadata"].get("uid", "")) if found else ""

    def _hashes(self, secret: SecretSeen, what: str = "hashes") -> dict[str, str]:
        found: dict[str, str] = {}
        for field in self._leg.lane.custody.fields:
            if field in secret.values:
                hashed = self._try(what, self._hasher(secret.values[field]))
                found |= {field: hashed} if hashed else {}
        return found

    def _hasher(self, value: Secret) -> Callable[[], str]:
        return lambda: self._vault.audit_hash(self._ground.device, value)

    def _consumers(self) -> list[Consuming]:
        declared = self._leg.lane.consumers
        return [self._consuming(each) for each in declared if each.deployment.startswith(f"{self._leg.namespace}/")]

    def _consuming(self, consumer: Consumer) -> Consuming:
        name, overlay = consumer.deployment, consumer.overlay or ""
        namespace, _, deployment = name.partition("/")
        try:
            found = self._cluster.get(Ref("Deployment", namespace, deployment))
            selector = ((found or {}).get("spec") or {}).get("selector") or {}
            labels = selector.get("matchLabels") or {}
            pods = self._cluster.listed("Pod", namespace, labels=labels) if found and labels else ()
        except Refused as fault:
            return Consuming(name=name, deployment=None, overlay=overlay, unseen=fault.message)
        return Consuming(name=name, deployment=found, pods=tuple(pods), overlay=overlay)


def conclude(looked: Looked, lines: Mapping[str, Sequence[AuditLine]] | str, handed: Sequence[Handed]) -> Looked:
    """With the audit log at hand: from when on reads count, or why that is not known."""
    if looked.seen is None:
        return looked
    if isinstance(lines, str):
        seen = msgspec.structs.replace(looked.seen, unseen={**looked.seen.unseen, "audit": lines})
        return msgspec.structs.replace(looked, seen=seen, found=(*looked.found, *judge_delivery(seen, ())))
    marks = [line.at for line in lines.get(looked.nonce, ()) if line.kind == "response"]
    seen = msgspec.structs.replace(looked.seen, marker=marks[0] if marks else "")
    if not marks and not looked.target.by_hand:
        why = "the audit log has no line of the marker; without it no line of a read is known to be of now"
        seen = msgspec.structs.replace(seen, unseen={"audit": why, **seen.unseen})
    return msgspec.structs.replace(
        looked, seen=seen, found=(*looked.found, *judge_delivery(seen, handed), *healed(seen, handed))
    )
