"""Which objects of a cluster hold a value: every text in an object, and who wrote it, by its hash."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from warden.core.clusters.differences import leaves, written
from warden.core.clusters.manifests import Manifest, Ref, ref_of
from warden.core.clusters.operator_index import managers_of
from warden.core.clusters.text_hashes import TextHashes

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


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a value is: the object and the field of it.

    ``managers`` are who wrote the object, ``owner`` what made it. ``alone``: without that field nothing is left of it.
    """

    ref: Ref
    field: str
    managers: tuple[str, ...] = ()
    owner: Ref | None = None
    alone: bool = False


class Hashed(msgspec.Struct, frozen=True, kw_only=True):
    """An object with the hashes of what its fields hold; the texts themselves are not kept."""

    ref: Ref
    fields: Mapping[str, frozenset[bytes]]
    managers: tuple[str, ...] = ()
    owner: Ref | None = None
    alone: bool = False


def hashed(manifest: Manifest, hashes: TextHashes) -> Hashed:
    """The object, looked through. Of a Secret the manifest has the data as the API server has it."""
    found: dict[str, frozenset[bytes]] = {}
    for field, text in texts_of(manifest):
        if inside := hashes.within(text):
            found[field] = found.get(field, frozenset()) | inside
    owner = next((each for each in manifest["metadata"].get("ownerReferences") or ()), None)
    ref = ref_of(manifest)
    return Hashed(
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


class CopyIndex:
    """Where each hash is; ``size`` objects were looked through."""

    def __init__(self, objects: Iterable[Hashed]) -> None:
        self._places: dict[bytes, list[Copy]] = {}
        self.size = 0
        for each in objects:
            self.size += 1
            for field, hashes in each.fields.items():
                place = Copy(ref=each.ref, field=field, managers=each.managers, owner=each.owner, alone=each.alone)
                for digest in hashes:
                    self._places.setdefault(digest, []).append(place)

    def copies(self, hashes: Iterable[bytes], but: Ref) -> tuple[Copy, ...]:
        """Where any of these is, outside of that one object; one place for each object, and none for what it made."""
        found = [each for digest in hashes for each in self._places.get(digest, ()) if each.ref != but]
        first = {each.ref: each for each in reversed(found)}
        return tuple(first[ref] for ref in sorted(first) if not _is_made_by_another(first[ref], first))


def _is_made_by_another(copy: Copy, found: Mapping[Ref, Copy]) -> bool:
    """Whether what made the object has the value as well: that is what has to be mended.

    A Deployment's pods belong to a ReplicaSet, a CronJob's to a Job; their names begin with the name of what made them.
    """
    owner = copy.owner
    if owner is None:
        return False
    maker = Ref(_MAKERS.get(owner.kind, ""), owner.namespace, owner.name.rpartition("-")[0])
    return owner in found or maker in found


_MAKERS = {"ReplicaSet": "Deployment", "Job": "CronJob"}
