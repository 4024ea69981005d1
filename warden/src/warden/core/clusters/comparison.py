"""Manifests and live objects -> a Plan: what differs in a cluster from what a lane declares.

An object is compared in all that it decides with: ``spec``, ``rules``, ``subjects`` and the like, wholly, and of its
metadata the labels and annotations that are ours. Whoever else set a field that differs is named: the API server keeps,
for each field, who manages it (Kubernetes, *Server-Side Apply*).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from warden.core.clusters.manifests import (
    FIELD_MANAGER,
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
from warden.core.remedies import EditFile, Remedy, RunKubectl, warden

_APART = frozenset({"apiVersion", "kind", "metadata", "status"})
_ALWAYS = frozenset({"conversionStrategy", "decodingStrategy", "metadataPolicy", "apiGroup"})
_ONLY_THERE = frozenset({"Namespace", "ServiceAccount"})
"""What has to be there and decides nothing: a tenant's own is as good as one that warden made."""
_SHARED = frozenset({"SecretStore", "ClusterSecretStore"})
_DURATION = re.compile(r"([0-9]+)(h|m|s)")
_UNIT = {"h": 3600, "m": 60, "s": 1}


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
        leaves = (Difference(_written(path), None, value) for path, value in _leaves(wanted) if _is_worth_showing(path))
        return Change(
            action="create",
            kind=ref.kind,
            name=ref.name,
            namespace=ref.namespace,
            differences=tuple(leaves),
            wanted=wanted,
        )
    different = [] if ref.kind in _ONLY_THERE else list(_differing(wanted, live))
    if not different:
        return Change(action="keep", kind=ref.kind, name=ref.name, namespace=ref.namespace)
    obstacle = _others(live, [path for path, _, _ in different])
    return Change(
        action="change" if obstacle is None or take_over else "foreign",
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        differences=_differences(different),
        wanted=wanted,
        obstacle=obstacle,
    )


def owned_by(secret: Manifest, external: Manifest | None) -> bool:
    """Whether the Secret's controller is that very ExternalSecret (by uid)."""
    if external is None:
        return False
    uid = external["metadata"].get("uid")
    return any(owner.get("uid") == uid and owner.get("controller") for owner in _owner_references(secret))


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
    ref, different = ref_of(wanted), list(_differing(wanted, live))
    if ref.kind == "RoleBinding" and any(path[0] == "roleRef" and before for path, before, _ in different):
        again = (_kubectl(delivery, "delete", ref), warden("apply", delivery.lane.id))
        return _blocked(ref, RoleRefFixed(), again, _differences(different))
    return _being_deleted(delivery, ref, live)


def _frozen(change: Change, unreadable: Sequence[str]) -> Change:
    """A change of a store, which lanes share, waits for the files with errors."""
    if not unreadable or change.action != "change" or change.kind not in _SHARED:
        return change
    files = SharedWithUnreadable(tuple(unreadable))
    return msgspec.structs.replace(change, action="foreign", obstacle=files, remedy=(warden("catalog check"),))


def _being_deleted(delivery: DeliveryTarget, ref: Ref, live: Manifest) -> Change | None:
    """An object that is being deleted takes no change that lasts, and is gone as soon as its finalizers are."""
    since = live["metadata"].get("deletionTimestamp")
    if not since:
        return None
    finalizers = tuple(live["metadata"].get("finalizers") or ())
    return _blocked(ref, BeingDeleted(since, finalizers), (_kubectl(delivery, "get", ref),))


def _secret_in_the_way(delivery: DeliveryTarget, live: Mapping[Ref, Manifest | None]) -> list[Change]:
    """A Secret of that name that is not the ExternalSecret's: applying would take it over and wipe what else it has."""
    secret, external = live.get(secret_of(delivery)), live.get(external_secret_of(delivery))
    if secret is None or owned_by(secret, external):
        return []
    adopt = warden("adopt", delivery.lane.id, cluster=delivery.cluster)
    return [_blocked(secret_of(delivery), owner_of(secret) or MadeByHand(), (adopt,))]


def _blocked(ref: Ref, obstacle: Obstacle, remedy: Remedy, differences: tuple[Difference, ...] = ()) -> Change:
    return Change(
        action="foreign",
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        differences=differences,
        obstacle=obstacle,
        remedy=remedy,
    )


def _kubectl(delivery: DeliveryTarget, action: Literal["delete", "get"], ref: Ref) -> RunKubectl:
    context = delivery.admin_context
    return RunKubectl(context=context, action=action, kind=ref.kind, namespace=ref.namespace, name=ref.name)


def _others(live: Manifest, paths: Sequence["Path"]) -> Obstacle | None:
    """Who else the object, or one of its fields that differ, is; ``None`` where all of it is ours."""
    if others := _managers(live, paths):
        return ManagedBy(tuple(others))
    labels = live["metadata"].get("labels") or {}
    ours = all(labels.get(key) == value for key, value in MANAGED_BY.items())
    return None if ours else NotMarked()


# -- differences ------------------------------------------------------------------------------------------------------

Path = tuple[str | int, ...]
"""The way to a leaf of a manifest: keys, and places in lists."""


def _differing(wanted: Manifest, live: Manifest) -> Iterator[tuple[Path, Any, Any]]:
    """(path, before, after) of every leaf that differs; ``None`` where it is not there."""
    after, before = dict(_leaves(wanted)), dict(_leaves(live))
    for path, value in after.items():
        if _is_compared(path) and not _is_same(before.get(path), value):
            yield path, before.get(path), value
    for path, value in before.items():
        if path not in after and path[0] not in _APART and not _is_unset(value):
            yield path, value, None


def surplus(wanted: Manifest, live: Manifest) -> Manifest:
    """The merge patch that takes out what is set and not wanted; empty where there is nothing of it.

    Server-side apply, even by force, leaves a field that somebody else added where warden never set one. Lists need
    no patch: in all of these objects they are managed as a whole, so that applying replaces them.
    """
    return _surplus(*({key: each[key] for key in each if key not in _APART} for each in (wanted, live)))


def _surplus(wanted: Manifest, live: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in live.items():
        if key not in wanted and not _is_unset(value):
            found[key] = None
        elif isinstance(value, Mapping) and isinstance(wanted.get(key), Mapping):
            below = _surplus(wanted[key], value)
            found |= {key: below} if below else {}
    return found


def _is_compared(path: Path) -> bool:
    """Whether a leaf of a manifest is something to be compared and shown."""
    return path[0] not in _APART or path[:2] in {("metadata", "labels"), ("metadata", "annotations")}


def _is_worth_showing(path: Path) -> bool:
    """Whether a leaf of a new object is worth a line: what is the same in every one of ours is not."""
    return path[0] not in _APART and path[-1] not in _ALWAYS and "template" not in path


def _is_unset(value: Any) -> bool:
    """What is not set, whichever way that is written."""
    return value in ("", [], {}, None, False)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _is_same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted) or (_seconds(wanted) is not None and _seconds(found) == _seconds(wanted))


def _seconds(text: Any) -> int | None:
    """A Go duration in seconds; ``None`` for anything else. ``1h`` and ``1h0m0s`` are the same."""
    if not isinstance(text, str) or not re.fullmatch(r"([0-9]+[hms])+", text):
        return None
    return sum(int(number) * _UNIT[unit] for number, unit in _DURATION.findall(text))


def _differences(different: Sequence[tuple[Path, Any, Any]]) -> tuple[Difference, ...]:
    return tuple(Difference(_written(path), before, after) for path, before, after in different)


def _written(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


# -- who manages a field ----------------------------------------------------------------------------------------------


def _managers(live: Manifest, paths: Sequence[Path]) -> list[str]:
    """Who else than warden set one of the fields (``metadata.managedFields``, field set V1)."""
    return sorted(
        {
            entry.get("manager", "")
            for entry in live["metadata"].get("managedFields") or ()
            if entry.get("manager") != FIELD_MANAGER
            and not entry.get("subresource")
            and any(_holds(entry.get("fieldsV1") or {}, path) for path in paths)
        }
    )


def _holds(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether a field set holds the path: down to it, or down to a list or map that is managed as a whole."""
    node: Mapping[str, Any] = fields
    keys = [step for step in path if isinstance(step, str)]
    for number, step in enumerate(keys):
        below = node.get(f"f:{step}")
        if below is None:
            return number > 0 and not any(key.startswith("f:") for key in node)
        node = below
    return True
