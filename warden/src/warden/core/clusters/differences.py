"""Two versions of one object, leaf by leaf: what differs, who manages it, and what a patch has to take out.

What is there and not declared differs, also where it is empty: an empty selector selects everything, an empty list of
conditions sets none, ``false`` may be the opposite of a default. Only what `NO_DIFFERENCE` lists means the same as a
field that is not set.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from warden.core.clusters.manifests import FIELD_MANAGER, Manifest
from warden.core.plans.plan import Difference

_APART = frozenset({"apiVersion", "kind", "metadata", "status"})
_ALWAYS = frozenset({"conversionStrategy", "decodingStrategy", "metadataPolicy", "apiGroup"})
_DURATION = re.compile(r"([0-9]+)(h|m|s)")
_UNIT = {"h": 3600, "m": 60, "s": 1}

_VAULT = "spec.provider.vault"
_STORE: Mapping[str, Any] = {
    "spec.controller": "",
    "spec.refreshInterval": 0,
    f"{_VAULT}.namespace": "",
    f"{_VAULT}.caBundle": "",
    f"{_VAULT}.readYourWrites": False,
    f"{_VAULT}.forwardInconsistent": False,
    f"{_VAULT}.headers": {},
    f"{_VAULT}.tls": {},
}
NO_DIFFERENCE: Mapping[str, Mapping[str, Any]] = {
    "SecretStore": {**_STORE, "spec.conditions": []},
    "ClusterSecretStore": _STORE,
    "ExternalSecret": {
        "spec.refreshPolicy": "Periodic",
        "spec.dataFrom": [],
        "spec.target.immutable": False,
        "spec.target.template.type": "",
        "spec.target.template.data": {},
        "spec.target.template.templateFrom": [],
        "spec.target.template.metadata.finalizers": [],
    },
}
"""Kind -> field -> the value that says the same as leaving it out.

External Secrets Operator, ``apis/externalsecrets/v1``: each is optional, and its zero value is what Go reads where it
is not set (``secretstore_types.go``, ``secretstore_vault_types.go``, ``externalsecret_types.go``; ``conditions`` are
"relevant only to ClusterSecretStore"; ``refreshPolicy`` is periodic unless it is set). What the CRDs fill in by
themselves is written out in our manifests. Kubernetes' own kinds need no entry: the API server leaves zero values out.
"""

Path = tuple[str | int, ...]
"""The way to a leaf of a manifest: keys, and places in lists."""


def differing(wanted: Manifest, live: Manifest) -> Iterator[tuple[Path, Any, Any]]:
    """(path, before, after) of every leaf that differs; ``None`` where it is not there."""
    after, before = dict(leaves(wanted)), dict(leaves(live))
    for path, value in after.items():
        if _is_compared(path) and not _is_same(before.get(path), value):
            yield path, before.get(path), value
    for path, value in before.items():
        if path not in after and path[0] not in _APART and not _is_unset(live.get("kind", ""), path, value):
            yield path, value, None


def surplus(wanted: Manifest, live: Manifest) -> Manifest:
    """The merge patch that takes out what is set and not wanted; empty where there is nothing of it.

    Server-side apply, even by force, leaves a field that somebody else added where warden never set one. Lists need
    no patch: in all of these objects they are managed as a whole, so that applying replaces them.
    """
    ours, theirs = ({key: each[key] for key in each if key not in _APART} for each in (wanted, live))
    return _surplus(str(wanted.get("kind", "")), (), ours, theirs)


def _surplus(kind: str, path: Path, wanted: Manifest, live: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in live.items():
        here = (*path, key)
        if key not in wanted and not _is_unset(kind, here, value):
            found[key] = None
        elif isinstance(value, Mapping) and isinstance(wanted.get(key), Mapping):
            below = _surplus(kind, here, wanted[key], value)
            found |= {key: below} if below else {}
    return found


def is_worth_showing(path: Path) -> bool:
    """Whether a leaf of a new object is worth a line: what is the same in every one of ours is not."""
    return path[0] not in _APART and path[-1] not in _ALWAYS and "template" not in path


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path; an empty list or mapping is one."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def differences(different: Sequence[tuple[Path, Any, Any]]) -> tuple[Difference, ...]:
    """The same as data."""
    return tuple(Difference(written(path), before, after) for path, before, after in different)


def written(path: Path) -> str:
    """A path as people write it: ``spec.data[0].remoteRef.key``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _is_compared(path: Path) -> bool:
    """Whether a leaf of a manifest is something to be compared and shown."""
    return path[0] not in _APART or path[:2] in {("metadata", "labels"), ("metadata", "annotations")}


def _is_unset(kind: str, path: Path, value: Any) -> bool:
    """Whether a field that is there says the same as leaving it out; ``null`` always does."""
    if value is None:
        return True
    known = NO_DIFFERENCE.get(kind, {})
    name = written(path)
    return name in known and known[name] == value and isinstance(value, type(known[name]))


def _is_same(found: Any, wanted: Any) -> bool:
    same = bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)
    return same or (_seconds(wanted) is not None and _seconds(found) == _seconds(wanted))


def _seconds(text: Any) -> int | None:
    """A Go duration in seconds; ``None`` for anything else. ``1h`` and ``1h0m0s`` are the same."""
    if not isinstance(text, str) or not re.fullmatch(r"([0-9]+[hms])+", text):
        return None
    return sum(int(number) * _UNIT[unit] for number, unit in _DURATION.findall(text))


# -- who manages a field ----------------------------------------------------------------------------------------------


def managers(live: Manifest, paths: Sequence[Path]) -> list[str]:
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
