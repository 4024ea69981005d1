"""What fixes a delivery: the steps for each thing that can be wrong with it."""

from collections.abc import Sequence

from warden.core.clusters.comparison import owned_by, owner_of, release
from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import Ref, secret_of
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.openbao.refill import undelete
from warden.core.plans.plan import BeingDeleted, OwnedBy
from warden.core.proofs.consumer_check import ConsumerObservation
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.proofs.verdict import Observation
from warden.core.remedies import AskOwner, EditFile, KubectlAction, Remedy, RunBao, RunKubectl, warden


def _of_secret(target: DeliveryTarget, action: KubectlAction, value: str = "") -> RunKubectl:
    return kubectl(target, action, secret_of(target), value)


def apply(target: DeliveryTarget) -> Remedy:
    """Make what the lane declares."""
    return (warden("apply", target.lane.id),)


def sync(target: DeliveryTarget) -> Remedy:
    """Have External Secrets Operator deliver again."""
    return (warden("sync", target.lane.id),)


def adopt(target: DeliveryTarget) -> Remedy:
    """Take a Secret over that was made by hand."""
    return (warden("adopt", target.lane.id, cluster=target.cluster, yes=True),)


def put_or_apply(seen: DeliveryObservation) -> Remedy:
    """Undelete or put a value where OpenBao has none; otherwise apply, which names what differs and asks first."""
    lane = seen.target.lane
    if seen.deleted:
        return (undelete(lane.custody.mount, lane.custody.key, seen.deleted),)
    if not seen.versions[1] and "version" not in seen.unobserved:
        return (warden("put", lane.id, *lane.custody.fields),)
    return (warden("apply", lane.id),)


def look_at_operator(target: DeliveryTarget) -> Remedy:
    """See whether External Secrets Operator runs."""
    return (kubectl(target, "list-pods", Ref("", target.declared.eso.namespace, "")),)


def owner(seen: DeliveryObservation) -> OwnedBy | None:
    """Who owns the Secret; ``None`` where nobody does."""
    return owner_of({"metadata": seen.secret.metadata}) if seen.secret else None


def failed_refresh(seen: DeliveryObservation) -> Remedy:
    """The operator could not write: the Secret is immutable or another ExternalSecret's; or it could not read."""
    found = owner(seen)
    mine = seen.secret is not None and owned_by({"metadata": seen.secret.metadata}, seen.external)
    if mine and seen.secret is not None and seen.secret.immutable:
        return remake(seen.target)
    if found is not None and found.kind == "ExternalSecret" and not mine:
        return _delete_other(seen.target, found)
    return put_or_apply(seen)


def take_from(seen: DeliveryObservation, other: OwnedBy | None) -> Remedy:
    """Delete another ExternalSecret that owns the Secret, the lane's own makes it anew; otherwise adopt the Secret.

    What `adopt` would refuse comes first: another owner, a Secret that nobody can change, keys of somebody else.
    """
    if other is not None and other.kind == "ExternalSecret":
        return _delete_other(seen.target, other)
    if other is not None:
        return release(seen.target, other)
    if seen.secret is not None and seen.secret.immutable:
        return remake(seen.target)
    if seen.secret is not None and set(seen.secret.values) - set(seen.target.lane.custody.fields):
        return (*edit_secret(seen.target), *adopt(seen.target))
    return adopt(seen.target)


def _delete_other(target: DeliveryTarget, other: OwnedBy) -> Remedy:
    return (kubectl(target, "delete", Ref("ExternalSecret", target.namespace, other.name)),)


def remake(target: DeliveryTarget) -> Remedy:
    """Delete an immutable Secret, which Kubernetes lets nobody make mutable, and have it delivered again."""
    return (_of_secret(target, "delete"), *sync(target))


def hide_and_rotate(target: DeliveryTarget) -> Remedy:
    """Have the audit log hash the mount's values again, and put a new value."""
    custody = target.lane.custody
    return (RunBao(action="tune-mount", mount=custody.mount), warden("put", target.lane.id, *custody.fields))


def put(target: DeliveryTarget, fields: Sequence[str]) -> Remedy:
    """Write values of these fields, as text."""
    return (warden("put", target.lane.id, *fields),)


def remove_annotation(target: DeliveryTarget, key: str) -> Remedy:
    """Remove a copy of the value."""
    return (_of_secret(target, "remove-annotation", key),)


def finish_deletion(target: DeliveryTarget, ending: BeingDeleted) -> Remedy:
    """Let a Secret go that is being deleted, and have it made anew."""
    drop = (_of_secret(target, "drop-finalizers"),) if ending.finalizers else ()
    return (*drop, *(adopt(target) if target.by_hand else sync(target)))


def edit_secret(target: DeliveryTarget) -> Remedy:
    """Remove fields from a Secret that is made by hand."""
    return (_of_secret(target, "edit"),)


def declare_external_secret(target: DeliveryTarget) -> Remedy:
    """Have External Secrets Operator make the Secret."""
    return (EditFile(file="lane", field="external_secret", instead_of="bootstrap_secret"), *apply(target))


def consumer(target: DeliveryTarget, observed: ConsumerObservation, found: Observation) -> Remedy:
    """What its owner does: roll it out, restart it, or deploy it as the owner's overlay or page says."""
    namespace, _, name = observed.name.partition("/")
    deployment = Ref("Deployment", namespace, name)
    if found == "no-secret":
        return sync(target)
    if found == "older":
        return (kubectl(target, "restart", deployment),)
    if found in {"other-template", "no-pod", "not-ready", "failing"}:
        return (_running(target, observed, found, deployment),)
    if observed.overlay:
        return (kubectl(target, "apply-overlay", Ref("", "", ""), observed.overlay),)
    whose = target.lane.owners.consumer
    return (AskOwner(whose.repo, whose.doc),)


def _running(target: DeliveryTarget, observed: ConsumerObservation, found: Observation, deployment: Ref) -> RunKubectl:
    """What makes a Deployment run as it is written: what was paused or scaled down is undone, otherwise it is shown."""
    spec = (observed.deployment or {}).get("spec") or {}
    if found == "other-template":
        return kubectl(target, "resume" if spec.get("paused") else "rollout-status", deployment)
    if found == "no-pod" and spec.get("replicas") == 0:
        return kubectl(target, "scale", deployment, "1")
    return kubectl(target, "describe", deployment)
