"""Manifests x live objects -> Changes: what differs in a cluster from what a lane declares.

An object is compared in all that it decides with: ``spec``, ``rules``, ``subjects`` and the like, wholly, and of its
metadata the labels and annotations that are ours. Whoever else set a field that differs is named: the API server keeps,
for each field, who manages it (Kubernetes, *Server-Side Apply*).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
from warden.core.openbao.comparison import Action, Change

_APART = frozenset({"apiVersion", "kind", "metadata", "status"})
_ALWAYS = frozenset({"conversionStrategy", "decodingStrategy", "metadataPolicy", "apiGroup"})
_ONLY_THERE = frozenset({"Namespace", "ServiceAccount"})
"""What has to be there and decides nothing: a tenant's own is as good as one that warden made."""
_WIDTH = 100
_DURATION = re.compile(r"([0-9]+)(h|m|s)")
_UNIT = {"h": 3600, "m": 60, "s": 1}


class ClusterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Every object of one delivery, in the order in which `apply` makes it so; ``remarks`` are worth knowing."""

    lane: str
    cluster: str
    system: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    @property
    def to_change(self) -> tuple[Change, ...]:
        """What differs."""
        return tuple(change for change in self.changes if change.differs)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """What `apply` refuses to touch."""
        return tuple(change for change in self.changes if change.action in {"foreign", "absent"})


def cluster_plan(
    target: DeliveryTarget,
    wanted: Sequence[Manifest],
    live: Mapping[Ref, Manifest | None],
    *,
    system: str,
    take_over: bool = False,
) -> ClusterPlan:
    """What to change.

    `live` has every object of `wanted`, the Secret's namespace and metadata; ``None`` where there is none.
    """
    changes = [
        *_no_namespace(target, wanted, live),
        *(
            _stuck(target, each, live.get(ref_of(each))) or change_of(each, live.get(ref_of(each)), take_over=take_over)
            for each in wanted
        ),
        *_secret_in_the_way(target, live),
    ]
    return ClusterPlan(
        lane=target.lane.id, cluster=target.cluster, system=system, changes=tuple(changes), remarks=remarks(target)
    )


def namespace_of(target: DeliveryTarget) -> Ref:
    """The Secret's namespace: the tenant's, not ours."""
    return Ref("Namespace", "", target.namespace)


def _no_namespace(
    target: DeliveryTarget, wanted: Sequence[Manifest], live: Mapping[Ref, Manifest | None]
) -> list[Change]:
    ref, found = namespace_of(target), live.get(namespace_of(target))
    if any(ref_of(each) == ref for each in wanted):
        return []
    if found is not None:
        ending = _ending(target, ref, found)
        return [ending] if ending else []
    remark = "does not exist; it is its tenant's, or: warden apply --create-namespace"
    return [Change(action="absent", kind="Namespace", name=ref.name, remark=remark)]


def _stuck(target: DeliveryTarget, wanted: Manifest, live: Manifest | None) -> Change | None:
    """What no writing makes right: an object that is being deleted, a binding to another role than the declared one."""
    if live is None:
        return None
    ref = ref_of(wanted)
    lines = [line for path, before, after in _differences(wanted, live) for line in _both(path, before, after)]
    if ref.kind == "RoleBinding" and any(line.startswith("- roleRef") for line in lines):
        mend = f"{target.kubectl} -n {ref.namespace} delete rolebinding {ref.name} && warden apply {target.lane.id}"
        return _left(ref, "a binding's role cannot be changed, only made anew", mend, lines)
    return _ending(target, ref, live)


def _ending(target: DeliveryTarget, ref: Ref, live: Manifest) -> Change | None:
    """An object that is being deleted: it takes no change that lasts, and is away as soon as its finalizers are."""
    since = live["metadata"].get("deletionTimestamp")
    if not since:
        return None
    held = live["metadata"].get("finalizers") or ()
    said = f"is being deleted since {since}" + (f", held by {', '.join(held)}" if held else "")
    where = f" -n {ref.namespace}" if ref.namespace else ""
    return _left(ref, said, f"{target.kubectl}{where} get {ref.kind.lower()} {ref.name} -o yaml")


def _left(ref: Ref, remark: str, mend: str, lines: Sequence[str] = ()) -> Change:
    return Change(action="foreign", kind=ref.kind, name=_name(ref), lines=tuple(lines), remark=remark, mend=mend)


def remarks(target: DeliveryTarget) -> tuple[str, ...]:
    """What is as declared and still worth a word."""
    if not target.shared:
        return ()
    said = f"it is read as {target.reader.workload}, no account of {target.namespace}"
    return (f"{said}: the audit log names that account, not the workload",)


def change_of(wanted: Manifest, live: Manifest | None, *, take_over: bool = False) -> Change:
    """One object and what has to happen to it."""
    ref = ref_of(wanted)
    if live is None:
        lines = tuple(f"+ {_written(path)} = {_shown(value)}" for path, value in _leaves(wanted) if _worth(path))
        return Change(action="create", kind=ref.kind, name=_name(ref), lines=lines, wanted=wanted)
    different = [] if ref.kind in _ONLY_THERE else list(_differences(wanted, live))
    if not different:
        return Change(action="keep", kind=ref.kind, name=_name(ref))
    others = _managers(live, [path for path, _, _ in different])
    ours = _is_ours(live) and not others
    remark = f"managed by {', '.join(others)}" if others else "not marked as made by warden"
    lines = tuple(line for path, before, after in different for line in _both(path, before, after))
    action: Action = "change" if ours or take_over else "foreign"
    return Change(
        action=action,
        kind=ref.kind,
        name=_name(ref),
        lines=lines,
        wanted=wanted,
        remark="" if ours else remark,
    )


def _secret_in_the_way(target: DeliveryTarget, live: Mapping[Ref, Manifest | None]) -> list[Change]:
    """A Secret of that name that is not the ExternalSecret's: applying would take it over and wipe what else it has."""
    secret, external = live.get(secret_of(target)), live.get(external_secret_of(target))
    if secret is None or owned_by(secret, external):
        return []
    whose = owner_named(secret) or "made by hand"
    return [
        Change(
            action="foreign",
            kind="Secret",
            name=_name(secret_of(target)),
            remark=f"{whose}; take it over without a gap: warden adopt {target.lane.id} --cluster {target.cluster}",
        )
    ]


def by_hand_plan(target: DeliveryTarget, secret: Manifest | None, *, system: str) -> ClusterPlan:
    """A Secret that is declared as made by hand: nothing is derived; a declaration that is not true is in the way."""
    adopt = f"warden adopt {target.lane.id} --cluster {target.cluster}"
    whose = owner_named(secret) if secret is not None else ""
    changes: tuple[Change, ...] = ()
    if whose:
        said = f"{whose}, and declared as made by hand: write external_secret for bootstrap_secret in the lane's file"
        changes = (Change(action="foreign", kind="Secret", name=_name(secret_of(target)), remark=said),)
    remark = f"is made by hand; to have it delivered: {adopt}"
    if secret is None:
        remark = "is to be made by hand: there is none"
    told = () if whose else (f"Secret {_name(secret_of(target))} {remark}",)
    return ClusterPlan(lane=target.lane.id, cluster=target.cluster, system=system, changes=changes, remarks=told)


def owned_by(secret: Manifest, external: Manifest | None) -> bool:
    """Whether the Secret's controller is that very ExternalSecret (by uid)."""
    if external is None:
        return False
    uid = external["metadata"].get("uid")
    return any(owner.get("uid") == uid and owner.get("controller") for owner in _owners(secret))


def owner_named(secret: Manifest) -> str:
    """Who says that the Secret is its own: a controller, or Helm; empty where nobody does."""
    for owner in _owners(secret):
        return f"owned by {owner.get('kind')} {owner.get('name')}"
    metadata = secret["metadata"]
    release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name")
    if release or (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        return f"owned by the Helm release {release or '(unnamed)'}"
    return ""


def _owners(secret: Manifest) -> Sequence[Mapping[str, Any]]:
    return secret["metadata"].get("ownerReferences") or ()


def _is_ours(live: Manifest) -> bool:
    labels = live["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in MANAGED_BY.items())


def _name(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name


# -- differences ------------------------------------------------------------------------------------------------------

Path = tuple[str | int, ...]
"""The way to a leaf of a manifest: keys, and places in lists."""


def _differences(wanted: Manifest, live: Manifest) -> Iterator[tuple[Path, Any, Any]]:
    """(path, before, after) of every leaf that differs; ``None`` where it is not there."""
    after, before = dict(_leaves(wanted)), dict(_leaves(live))
    for path, value in after.items():
        if _told(path) and not _same(before.get(path), value):
            yield path, before.get(path), value
    for path, value in before.items():
        if path not in after and path[0] not in _APART and not _unset(value):
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
        if key not in wanted and not _unset(value):
            found[key] = None
        elif isinstance(value, Mapping) and isinstance(wanted.get(key), Mapping):
            below = _surplus(wanted[key], value)
            found |= {key: below} if below else {}
    return found


def _told(path: Path) -> bool:
    """Whether a leaf of a manifest is something to be compared and shown."""
    return path[0] not in _APART or path[:2] in {("metadata", "labels"), ("metadata", "annotations")}


def _worth(path: Path) -> bool:
    """Whether a leaf of a new object is worth a line: what is the same in every one of ours is not."""
    return path[0] not in _APART and path[-1] not in _ALWAYS and "template" not in path


def _unset(value: Any) -> bool:
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


def _same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted) or (_seconds(wanted) is not None and _seconds(found) == _seconds(wanted))


def _seconds(text: Any) -> int | None:
    """A Go duration in seconds; ``None`` for anything else. ``1h`` and ``1h0m0s`` are the same."""
    if not isinstance(text, str) or not re.fullmatch(r"([0-9]+[hms])+", text):
        return None
    return sum(int(number) * _UNIT[unit] for number, unit in _DURATION.findall(text))


def _both(path: Path, before: Any, after: Any) -> Iterator[str]:
    if before is not None:
        yield f"- {_written(path)} = {_shown(before)}"
    if after is not None:
        yield f"+ {_written(path)} = {_shown(after)}"


def _written(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}… ({len(text)} characters)"


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
