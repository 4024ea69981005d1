"""Manifests and live objects -> a Plan: what differs in a cluster from what a lane declares.

An object is compared in all that it decides with: ``spec``, ``rules``, ``subjects`` and the like, wholly, and of its
metadata the labels and annotations that are ours. Whoever else set a field that differs is named: the API server keeps,
for each field, who manages it (Kubernetes, *Server-Side Apply*).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.differences import (
    Path,
    differences,
    differing,
    is_worth_showing,
    leaves,
    managers,
    written,
)
from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import (
    MANAGED_BY,
    Manifest,
    Ref,
    external_secret_of,
    ref_of,
    secret_of,
)
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.plans.plan import (
    BeingDeleted,
    ByHand,
    Change,
    DeclaredByHand,
    Difference,
    MadeByHand,
    ManagedBy,
    NamespaceMissing,
    Note,
    NotMarked,
    Obstacle,
    OwnedBy,
    Plan,
    RoleRefFixed,
    SharedAccount,
    SharedWithUnreadable,
    System,
)
from warden.core.remedies import AskOwner, EditFile, Remedy, warden

_SHARED = frozenset({"SecretStore", "ClusterSecretStore"})


def compare(
    delivery: DeliveryTarget,
    wanted: Sequence[Manifest],
    live: Mapping[Ref, Manifest | None],
    *,
    system: System,
    take_over: bool = False,
    unreadable: Sequence[str] = (),
) -> Plan:
    """What to change.

    `live` has every object of `wanted`, the Secret's namespace and metadata; ``None`` where there is none. While files
    of the catalog are `unreadable`, a store stays as it is: their lanes may read by it, too.
    """
    changes = [
        *_namespace_obstacle(delivery, wanted, live),
        *(
            _unchangeable(delivery, each, live.get(ref_of(each)))
            or _frozen(change_of(each, live.get(ref_of(each)), take_over=take_over), unreadable)
            for each in wanted
        ),
        *_secret_in_the_way(delivery, live),
    ]
    return Plan(lane=delivery.lane.id, system=system, changes=tuple(changes), notes=notes(delivery))


def compare_by_hand(delivery: DeliveryTarget, secret: Manifest | None, *, system: System) -> Plan:
    """A Secret that is declared as made by hand: nothing is derived; a declaration that is not true is an obstacle."""
    owner = owner_of(secret) if secret is not None else None
    ending = _being_deleted(delivery, secret_of(delivery), secret) if secret is not None else None
    if ending is not None:
        return Plan(lane=delivery.lane.id, system=system, changes=(ending,))
    if owner is None:
        return Plan(lane=delivery.lane.id, system=system, changes=(), notes=(ByHand(there=secret is not None),))
    field = f"deliveries.{delivery.cluster}"
    declare = EditFile(file="lane", field=f"{field}.external_secret", instead_of=f"{field}.bootstrap_secret")
    change = _blocked(secret_of(delivery), DeclaredByHand(owner), (declare,))
    return Plan(lane=delivery.lane.id, system=system, changes=(change,))


def namespace_of(delivery: DeliveryTarget) -> Ref:
    """The Secret's namespace: the tenant's, not ours."""
    return Ref("Namespace", "", delivery.namespace)


def notes(delivery: DeliveryTarget) -> tuple[Note, ...]:
    """What is as declared and still worth knowing."""
    if not delivery.shared:
        return ()
    return (SharedAccount(account=str(delivery.reader.workload), namespace=delivery.namespace),)


def change_of(wanted: Manifest, live: Manifest | None, *, take_over: bool = False) -> Change:
    """One object and what has to happen to it."""
    ref = ref_of(wanted)
    if live is None:
        shown = (Difference(written(path), None, value) for path, value in leaves(wanted) if is_worth_showing(path))
        return Change(
            action="create",
            kind=ref.kind,
            name=ref.name,
            namespace=ref.namespace,
            differences=tuple(shown),
            wanted=wanted,
        )
    different = [] if _is_theirs(ref, live) else list(_decisive(wanted, live))
    if not different:
        return Change(action="keep", kind=ref.kind, name=ref.name, namespace=ref.namespace)
    obstacle = _others(live, [path for path, _, _ in different])
    return Change(
        action="change" if obstacle is None or take_over else "foreign",
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        differences=differences(different),
        wanted=wanted,
        obstacle=obstacle,
    )


def owned_by(secret: Manifest, external: Manifest | None) -> bool:
    """Whether the Secret's controller is that very ExternalSecret (by uid)."""
    if external is None:
        return False
    uid = external["metadata"].get("uid")
    return any(owner.get("uid") == uid and owner.get("controller") for owner in _owner_references(secret))


def being_deleted(metadata: Mapping[str, Any]) -> BeingDeleted | None:
    """Since when an object of that metadata is being deleted, and what holds it; ``None`` where it is not."""
    since = metadata.get("deletionTimestamp")
    return BeingDeleted(str(since), tuple(metadata.get("finalizers") or ())) if since else None


def owner_of(secret: Manifest) -> OwnedBy | None:
    """Who says that the Secret is its own: a controller, or a Helm release; ``None`` where nobody does."""
    for owner in _owner_references(secret):
        return OwnedBy(str(owner.get("kind")), str(owner.get("name")))
    metadata = secret["metadata"]
    release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name")
    if release or (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        return OwnedBy("HelmRelease", release or "")
    return None


def _owner_references(secret: Manifest) -> Sequence[Mapping[str, Any]]:
    return secret["metadata"].get("ownerReferences") or ()


# -- obstacles --------------------------------------------------------------------------------------------------------


def _namespace_obstacle(
    delivery: DeliveryTarget, wanted: Sequence[Manifest], live: Mapping[Ref, Manifest | None]
) -> list[Change]:
    ref = namespace_of(delivery)
    found = live.get(ref)
    if any(ref_of(each) == ref for each in wanted):
        return []
    if found is not None:
        ending = _being_deleted(delivery, ref, found)
        return [ending] if ending else []
    create = warden("apply", delivery.lane.id, create_namespace=True)
    return [Change(action="absent", kind="Namespace", name=ref.name, obstacle=NamespaceMissing(), remedy=(create,))]


def _unchangeable(delivery: DeliveryTarget, wanted: Manifest, live: Manifest | None) -> Change | None:
    """What no writing makes right: an object that is being deleted, a binding to another role than the declared one."""
    if live is None:
        return None
    ref, different = ref_of(wanted), list(differing(wanted, live))
    if ref.kind == "RoleBinding" and any(path[0] == "roleRef" and before for path, before, _ in different):
        again = (kubectl(delivery, "delete", ref), warden("apply", delivery.lane.id))
        return _blocked(ref, RoleRefFixed(), again, differences(different))
    return _being_deleted(delivery, ref, live)


def _frozen(change: Change, unreadable: Sequence[str]) -> Change:
    """A change of a store, which lanes share, waits for the files with errors."""
    if not unreadable or change.action != "change" or change.kind not in _SHARED:
        return change
    files = SharedWithUnreadable(tuple(unreadable))
    return msgspec.structs.replace(change, action="foreign", obstacle=files, remedy=(warden("catalog check"),))


def _being_deleted(delivery: DeliveryTarget, ref: Ref, live: Manifest) -> Change | None:
    """An object that is being deleted takes no change that lasts, and is gone as soon as its finalizers are.

    A namespace waits for what is in it: that is for somebody to look at.
    """
    ending = being_deleted(live["metadata"])
    if ending is None:
        return None
    end: Remedy = (kubectl(delivery, "get", ref),)
    if ref.kind != "Namespace":
        again = warden("apply", delivery.lane.id)
        end = (kubectl(delivery, "drop-finalizers", ref), again) if ending.finalizers else (again,)
    return _blocked(ref, ending, end)


def _secret_in_the_way(delivery: DeliveryTarget, live: Mapping[Ref, Manifest | None]) -> list[Change]:
    """A Secret of that name that is not the ExternalSecret's: applying would take it over and wipe what else it has."""
    secret, external = live.get(secret_of(delivery)), live.get(external_secret_of(delivery))
    if secret is None:
        return []
    if ending := _being_deleted(delivery, secret_of(delivery), secret):
        return [ending]
    if owned_by(secret, external):
        return []
    owner = owner_of(secret)
    return [_blocked(secret_of(delivery), owner or MadeByHand(), release(delivery, owner))]


def release(delivery: DeliveryTarget, owner: OwnedBy | None) -> Remedy:
    """How a Secret becomes the lane's: nobody's is adopted, and what owns it goes, which `adopt` would refuse to touch.

    What Helm installed is the consumer's to change.
    """
    if owner is None:
        return (warden("adopt", delivery.lane.id, cluster=delivery.cluster),)
    if owner.kind == "HelmRelease":
        return (AskOwner(delivery.lane.owners.consumer.repo, delivery.lane.owners.consumer.doc),)
    ref = Ref(owner.kind, delivery.namespace, owner.name)
    return (kubectl(delivery, "delete", ref), warden("apply", delivery.lane.id))


def _blocked(ref: Ref, obstacle: Obstacle, remedy: Remedy, shown: tuple[Difference, ...] = ()) -> Change:
    return Change(
        action="foreign",
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        differences=shown,
        obstacle=obstacle,
        remedy=remedy,
    )


def _others(live: Manifest, paths: Sequence[Path]) -> Obstacle | None:
    """Who else the object, or one of its fields that differ, is; ``None`` where all of it is ours."""
    if others := managers(live, paths):
        return ManagedBy(tuple(others))
    return None if _is_marked(live) else NotMarked()


def _is_marked(live: Manifest) -> bool:
    labels = live["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in MANAGED_BY.items())


def _is_theirs(ref: Ref, live: Manifest) -> bool:
    """Whether it is enough that the object is there: a tenant's own is as good as one that warden made."""
    return ref.kind == "Namespace" or (ref.kind == "ServiceAccount" and not _is_marked(live))


def _decisive(wanted: Manifest, live: Manifest) -> Iterator[tuple[Path, Any, Any]]:
    """What differs; of an account only what warden set: a cluster adds secrets of its own, which decide nothing."""
    for path, before, after in differing(wanted, live):
        if wanted["kind"] != "ServiceAccount" or after is not None:
            yield path, before, after
