"""What was observed of one delivery: the facts that its verdicts are made from."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.clusters.exposure import ExposureObservation, TokenSecrets
from warden.core.clusters.manifests import Manifest
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.proofs.consumer_check import ConsumerObservation
from warden.core.proofs.copies_observation import CopiesObservation
from warden.core.proofs.delivery_details import NoReaction
from warden.core.unobserved import Unobserved

Followed = Literal["synced", "failed", "silent", "absent"]

Part = Literal[
    "version", "earlier", "secret", "refresh", "account", "hashes", "exposure", "token-secrets", "copies", "audit"
]
"""What is looked at, one after the other; ``refresh`` is the ExternalSecret, ``earlier`` the Secret before it."""


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a refresh that was requested just now.

    ``followed``: ``synced``, ``failed`` (the operator tried; ``reply`` is what it said), ``silent`` (it did not react,
    see ``silence``), ``absent`` (there is no ExternalSecret). ``ms`` is the time from the request until then.
    """

    followed: Followed
    reply: str = ""
    silence: NoReaction = NoReaction()
    ms: float = 0.0


class EarlierSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The Secret before the refresh, where that changed it.

    Attributes:
        metadata: its metadata.
        hashes: the keyed hash of each of the lane's fields.
        fingerprints: as in `DeliveryObservation`.
        fields: the names of all its fields.
        refreshed: the operator's last refresh until then (ISO 8601).
        written: when the newest version was written to OpenBao.
    """

    metadata: Mapping[str, Any]
    hashes: Mapping[str, str]
    fields: frozenset[str]
    refreshed: str = ""
    written: dt.datetime | None = None
    fingerprints: Mapping[str, str] = {}


class DeliveryObservation(msgspec.Struct, frozen=True, kw_only=True):
    """What was observed of a delivery.

    Attributes:
        target: the delivery.
        sync: what came of the refresh; ``None`` where none was requested.
        external: the ExternalSecret afterwards.
        secret: the Secret afterwards; ``None`` where there is none.
        earlier: the Secret before the refresh, where that changed it.
        account_uid: the uid of the reader's service account in this cluster.
        hashes: the keyed hash of each value in the Secret; empty where it was not made.
        fingerprints: what those have in an audit line that may stand for something else than a text.
        versions: the newest version in OpenBao before the refresh, and after it.
        deleted: that version afterwards, where it was deleted and can be undeleted; otherwise 0.
        marker: when, by OpenBao's clock, the refresh was about to be requested; empty where that is not known.
        consumers: the declared consumers of this namespace.
        exposure: who gets at the Secret without being meant to.
        token_secrets: the Secrets with tokens of the reader's account; ``None`` where they were not listed.
        copies: other ways to the value, and copies of it.
        unobserved: the parts that could not be observed, and why.
    """

    target: DeliveryTarget
    sync: Sync | None = None
    external: Manifest | None = None
    secret: SecretObservation | None = None
    earlier: EarlierSecret | None = None
    account_uid: str = ""
    hashes: Mapping[str, str] = {}
    fingerprints: Mapping[str, str] = {}
    versions: tuple[int, int] = (0, 0)
    deleted: int = 0
    marker: str = ""
    consumers: tuple[ConsumerObservation, ...] = ()
    exposure: ExposureObservation = ExposureObservation()
    token_secrets: TokenSecrets | None = None
    copies: CopiesObservation = CopiesObservation()
    unobserved: Mapping[Part, Unobserved] = {}
