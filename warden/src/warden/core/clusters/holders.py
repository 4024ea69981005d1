"""Which objects of a cluster hold a value: every text in an object, and who wrote it, by its fingerprint."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from warden.core.clusters.differences import leaves, written
from warden.core.clusters.fingerprints import Fingerprints
from warden.core.clusters.manifests import Manifest, Ref, ref_of
from warden.core.clusters.operator_index import managers_of

LOOKED_THROUGH = (
    "Secret",
    "ConfigMap",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Pod",
)
"""The kinds that a copy is looked for in, where the caller may list them."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a value is: the object and the field of it.

    ``managers`` are who wrote the object, ``owner`` what made it. ``alone``: without that field nothing is left of it.
    """

    ref: Ref
    field: str
    managers: tuple[str, ...] = ()
    owner: Ref | None = None
    alone: bool = False


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An object with the fingerprints of what its fields hold; the texts themselves are not kept."""

    ref: Ref
    fields: Mapping[str, frozenset[bytes]]
    managers: tuple[str, ...] = ()
    owner: Ref | None = None
    alone: bool = False


def holder_of(manifest: Manifest, fingerprints: Fingerprints) -> Holder:
    """The object, looked through. Of a Secret the manifest has the data as the API server has it."""
    found: dict[str, frozenset[bytes]] = {}
    for field, text in texts_of(manifest):
        if marks := fingerprints.within(text):
            found[field] = found.get(field, frozenset()) | marks
    owner = next((each for each in manifest["metadata"].get("ownerReferences") or ()), None)
    ref = ref_of(manifest)
    return Holder(
        ref=ref,
        fields=found,
        managers=managers_of(manifest["metadata"]),
        owner=Ref(str(owner.get("kind")), ref.namespace, str(owner.get("name"))) if owner else None,
        alone=_is_for_one_thing(manifest),
    )


def _is_for_one_thing(manifest: Manifest) -> bool:
    """Whether nothing is left of an object without one key: it has no other, or its type wants that one."""
    keys = len(manifest.get("data") or ()) + len(manifest.get("binaryData") or ())
    return keys == 1 or str(manifest.get("type") or "").startswith("kubernetes.io/")


def texts_of(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """(field, text) of each text in an object that somebody wrote; of a Secret what its data stand for."""
    encoded = manifest["kind"] == "Secret"
    for key, text in (manifest.get("data") or {}).items():
        yield f"data.{key}", _decoded(text) if encoded else str(text)
    for key, text in (manifest.get("binaryData") or {}).items():
        yield f"binaryData.{key}", _decoded(text)
    for part in ("annotations", "labels"):
        for key, text in (manifest["metadata"].get(part) or {}).items():
            yield f"metadata.{part}.{key}", str(text)
    for path, leaf in leaves(manifest.get("spec") or {}):
        if isinstance(leaf, str) and leaf:
            yield f"spec.{written(path)}", leaf


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


class HolderIndex:
    """Every holder by the fingerprints in it."""

    def __init__(self, holders: Iterable[Holder]) -> None:
        self._places: dict[bytes, list[Copy]] = {}
        self.counts: dict[str, int] = {}
        for holder in holders:
            self.counts[holder.ref.kind] = self.counts.get(holder.ref.kind, 0) + 1
            for field, marks in holder.fields.items():
                place = Copy(
                    ref=holder.ref,
                    field=field,
                    managers=holder.managers,
                    owner=holder.owner,
                    alone=holder.alone,
                )
                for mark in marks:
                    self._places.setdefault(mark, []).append(place)

    def copies(self, marks: Iterable[bytes], but: Ref) -> tuple[Copy, ...]:
        """Where any of these is, outside of that one object; one place for each object, and none for what it made."""
        found = [each for mark in marks for each in self._places.get(mark, ()) if each.ref != but]
        first = {each.ref: each for each in reversed(found)}
        return tuple(first[ref] for ref in sorted(first) if not _is_made_by_another(first[ref], first))


def _is_made_by_another(copy: Copy, found: Mapping[Ref, Copy]) -> bool:
    """Whether what made the object has the value as well: that is what has to be mended.

    A Deployment's pods belong to a ReplicaSet, whose name begins with the Deployment's.
    """
    owner = copy.owner
    if owner is None:
        return False
    made_by = [owner]
    if owner.kind == "ReplicaSet":
        made_by.append(Ref("Deployment", owner.namespace, owner.name.rpartition("-")[0]))
    if owner.kind == "Job":
        made_by.append(Ref("CronJob", owner.namespace, owner.name.rpartition("-")[0]))
    return any(each in found for each in made_by)


def merged(indexes: Sequence[HolderIndex]) -> Mapping[str, int]:
    """How many objects of each kind were looked through."""
    found: dict[str, int] = {}
    for each in indexes:
        for kind, count in each.counts.items():
            found[kind] = found.get(kind, 0) + count
    return found
