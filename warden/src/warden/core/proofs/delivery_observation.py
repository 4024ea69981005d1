"""What was seen of one delivery: the nouns that its verdicts are made from."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.clusters.exposure import Exposed
from warden.core.clusters.manifests import Manifest
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.openbao.api import SecretSeen
from warden.core.proofs.consumer_check import Consuming

Followed = Literal["synced", "failed", "silent", "absent"]


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking for a refresh just now.

    ``followed``: ``synced``, ``failed`` (it tried and said why), ``silent`` (no reaction at all), ``absent`` (there is
    no ExternalSecret). ``ms`` is the time from the request to what was seen.
    """

    followed: Followed
    why: str = ""
    ms: float = 0.0


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """The Secret before the refresh, where that changed it: metadata, all fields, the keyed hash of each of the lane's.

    ``refreshed`` is the operator's last refresh until then (ISO 8601), ``written`` when the newest version came to be.
    """

    metadata: Mapping[str, Any]
    hashes: Mapping[str, str]
    fields: frozenset[str]
    refreshed: str = ""
    written: dt.datetime | None = None


class DeliverySeen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a delivery.

    Attributes:
        target: the delivery.
        sync: what came of the refresh.
        external: the ExternalSecret afterwards.
        secret: the Secret afterwards; ``None`` where there is none.
        before: the Secret before the refresh, where that changed it.
        account_uid: the uid of the reader's service account in this cluster.
        hashes: the keyed hash of each value in the Secret; empty where it was not made.
        versions: the newest version in OpenBao before the refresh, and after it.
        marker: when, by OpenBao's clock, the refresh was about to be asked for; empty where that is not known.
        consumers: the declared consumers of this namespace.
        exposed: who may read the Secret without being meant to.
        asked: how many subjects the cluster was asked about; 0 where it was not.
        known: how many there are: more than were asked about, where some stood for others like them.
        unseen: what could not be looked at -> why.
    """

    target: DeliveryTarget
    sync: Sync | None = None
    external: Manifest | None = None
    secret: SecretSeen | None = None
    before: Before | None = None
    account_uid: str = ""
    hashes: Mapping[str, str] = {}
    versions: tuple[int, int] = (0, 0)
    marker: str = ""
    consumers: tuple[Consuming, ...] = ()
    exposed: tuple[Exposed, ...] = ()
    asked: int = 0
    known: int = 0
    unseen: Mapping[str, str] = {}
