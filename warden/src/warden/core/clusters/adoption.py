"""Taking a Secret made by hand over: what stands in the way, and how it compares with what OpenBao holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from warden.core.clusters.comparison import owned_by, owner_of
from warden.core.clusters.manifests import Manifest
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.openbao.api import Handed
from warden.core.plans.plan import OwnedBy
from warden.core.quoting import Facts

Unfit = Literal["empty", "not-utf-8"]
"""Why OpenBao cannot hold a value as it is: it holds text, and would change other bytes."""


class Immutable(Facts, frozen=True, tag="immutable"):
    """Nobody can change the Secret (Kubernetes, *Immutable Secrets*)."""


class OtherKeys(Facts, frozen=True, tag="other-keys"):
    """The Secret has keys that the lane does not declare, and that would be wiped."""

    names: tuple[str, ...]


AdoptionObstacle = OwnedBy | Immutable | OtherKeys


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The Secret beside what OpenBao hands out: fields that are equal, that differ, and that the Secret lacks."""

    version: int
    equal: tuple[str, ...]
    different: tuple[str, ...]
    missing: tuple[str, ...]


def obstacles(
    delivery: DeliveryTarget, secret: SecretObservation, external: Manifest | None
) -> tuple[AdoptionObstacle, ...]:
    """Everything that keeps the Secret from being taken over; empty where nothing does."""
    return tuple(_obstacles(delivery, secret, external))


def _obstacles(
    delivery: DeliveryTarget, secret: SecretObservation, external: Manifest | None
) -> Iterator[AdoptionObstacle]:
    whole = {"metadata": secret.metadata}
    if owned_by(whole, external):
        return
    if owner := owner_of(whole):
        yield owner
    if secret.immutable:
        yield Immutable()
    if extra := sorted(set(secret.values) - set(delivery.lane.custody.fields)):
        yield OtherKeys(tuple(extra))


def unfit_values(delivery: DeliveryTarget, secret: SecretObservation) -> dict[str, Unfit]:
    """Field -> why OpenBao cannot hold the Secret's value as it is; only the fields of which that is so."""
    there = [field for field in delivery.lane.custody.fields if field in secret.values]
    found = {field: _unfit(secret.values[field].reveal()) for field in there}
    return {field: why for field, why in found.items() if why}


def _unfit(value: str) -> Unfit | None:
    if not value:
        return "empty"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "not-utf-8"
    return None


def compared(
    delivery: DeliveryTarget, secret: SecretObservation, hashes: Mapping[str, Sequence[str]], handed: Handed
) -> Compared:
    """The Secret's values beside one answered read, by their keyed hashes; a value may have several fingerprints."""
    fields = delivery.lane.custody.fields
    there = [field for field in fields if field in secret.values]
    logged = {field: hashed for field, hashed in handed.hashes.items() if hashed}
    equal = tuple(field for field in there if field in logged and logged[field] in hashes.get(field, ()))
    return Compared(
        version=handed.version,
        equal=equal,
        different=tuple(field for field in there if field not in equal),
        missing=tuple(field for field in fields if field not in secret.values),
    )
