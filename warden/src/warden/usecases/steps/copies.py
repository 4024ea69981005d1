"""Other ways to a delivered value, and copies of it: each cluster is read once a run, whatever the number of lanes.

What External Secrets Operator has is listed wherever a lane is delivered. Secrets, ConfigMaps and workloads are looked
through where the caller may list them, which is a right of its own (``warden render --rights copies``). Their texts are
hashed page by page with a key of this run and dropped; see `TextHashes`.
"""

import secrets
import threading
from collections.abc import Sequence

import msgspec

from warden.core.clusters.clear_text import is_telling
from warden.core.clusters.copies import LOOKED_THROUGH, CopyIndex, Hashed, hashed
from warden.core.clusters.manifests import Manifest, Reached, external_secret_of, secret_of, store_of
from warden.core.clusters.operator_index import SCANNED, OperatorIndex
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.clusters.text_hashes import TextHashes
from warden.core.errors import NoApi, Refused
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.proofs.copies_observation import CopiesObservation
from warden.core.proofs.evidence import data_path
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.cluster import Cluster

BESIDE = (*SCANNED, "ServiceAccount")
"""What is listed wherever a lane is delivered: none of it is meant to hold a value."""


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster as it was read."""

    index: OperatorIndex
    copies: CopyIndex
    unlisted: tuple[tuple[str, Unobserved], ...]
    skipped: tuple[str, ...]


class CopiesSearch:
    """What is in each cluster; shared by the threads of one proof."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes = TextHashes(secrets.token_bytes(32))
        self._clusters: dict[str, _Read] = {}

    def beside(
        self,
        target: DeliveryTarget,
        cluster: Cluster,
        reached: Reached,
        secret: SecretObservation | None,
        own: Sequence[Manifest],
    ) -> CopiesObservation:
        """What there is beside the delivery; `own` are objects of the lane that were read for it anyway.

        Raises as the port Cluster says, where it does not answer.
        """
        with self._lock:
            read = self._clusters.get(cluster.name) or self._read(cluster)
            self._clusters[cluster.name] = read
        mine = external_secret_of(target)
        labels = (secret.metadata.get("labels") or {}) if secret else {}
        links = read.index.links(data_path(target.lane), secret_of(target), labels, reached)
        links += read.index.opening(str(target.reader.workload), target.role, reached)
        beside = CopyIndex(hashed(each, self._hashes) for each in own)
        sought, guessable = self._sought(secret)
        found = {each.ref: each for index in (beside, read.copies) for each in index.copies(sought, secret_of(target))}
        return CopiesObservation(
            links=tuple(each for each in links if each.ref not in {mine, store_of(target)}),
            listed=read.index.size,
            unlisted=read.unlisted,
            copies=tuple(found[ref] for ref in sorted(found)),
            searched=read.copies.size + beside.size,
            skipped=read.skipped,
            guessable=guessable,
        )

    def _sought(self, secret: SecretObservation | None) -> tuple[frozenset[bytes], tuple[str, ...]]:
        """The hashes of the Secret's values, and the fields whose value could be anywhere by chance."""
        values = {name: value.reveal().strip() for name, value in (secret.values if secret else {}).items()}
        hashes = frozenset(self._hashes.of(value) for value in values.values() if is_telling(value))
        return hashes, tuple(sorted(name for name, value in values.items() if not is_telling(value)))

    def _read(self, cluster: Cluster) -> _Read:
        lists: dict[str, Sequence[Manifest]] = {}
        unlisted: dict[str, Unobserved] = {}
        for kind in BESIDE:
            try:
                lists[kind] = cluster.listed(kind)
            except NoApi as fault:
                if cluster.served(kind):  # otherwise the operator knows no such kind, so there is nothing of it
                    unlisted[kind] = unobserved(fault)
            except Refused as fault:
                unlisted[kind] = unobserved(fault)
        beside = [hashed(each, self._hashes) for found in lists.values() for each in found]
        more, skipped = self._look_through(cluster)
        return _Read(
            index=OperatorIndex({kind: found for kind, found in lists.items() if kind in SCANNED}),
            copies=CopyIndex([*beside, *more]),
            unlisted=tuple(unlisted.items()),
            skipped=skipped,
        )

    def _look_through(self, cluster: Cluster) -> tuple[list[Hashed], tuple[str, ...]]:
        found: list[Hashed] = []
        skipped = []
        for kind in LOOKED_THROUGH:
            try:
                found += cluster.hashed(kind, self._hashes)
            except Refused:
                skipped.append(kind)
        return found, tuple(skipped)
