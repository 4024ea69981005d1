"""Taking a Secret made by hand over: what stands in the way, and how it compares with what OpenBao holds."""

from collections.abc import Iterator, Mapping

import msgspec

from warden.core.clusters.comparison import owned_by, owner_of
from warden.core.clusters.manifests import Manifest
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.openbao.api import Handed, SecretObservation


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The Secret beside what OpenBao hands out: fields that are equal, that differ, and that the Secret lacks."""

    version: int
    equal: tuple[str, ...]
    different: tuple[str, ...]
    missing: tuple[str, ...]


def obstacles(target: DeliveryTarget, secret: SecretObservation, external: Manifest | None) -> tuple[str, ...]:
    """Everything that keeps the Secret from being taken over; empty where nothing does."""
    return tuple(_obstacles(target, secret, external))


def _obstacles(target: DeliveryTarget, secret: SecretObservation, external: Manifest | None) -> Iterator[str]:
    whole = {"metadata": secret.metadata}
    if owned_by(whole, external):
        return
    if whose := _owner_named(whole):
        yield f"it is {whose}, which would write it back: take it out there first"
    if secret.immutable:
        yield (
            "it is immutable, so nobody can change it: have its consumers use a Secret of another name, "
            "declare that one, and delete this one when nobody uses it"
        )
    extra = sorted(set(secret.values) - set(target.lane.custody.fields))
    if extra:
        yield (
            f"it also holds {', '.join(extra)}, which would be wiped: declare them in custody.fields and put them, "
            "or move them to a Secret of their own"
        )


def unkept(target: DeliveryTarget, secret: SecretObservation) -> dict[str, str]:
    """Field -> why OpenBao cannot hold the Secret's value as it is: it has text alone, and would change other bytes."""
    whys = {
        field: _unfit(secret.values[field].reveal()) for field in target.lane.custody.fields if field in secret.values
    }
    return {field: why for field, why in whys.items() if why}


def _unfit(value: str) -> str:
    if not value:
        return "is empty"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is no UTF-8 text"
    return ""


def compared(target: DeliveryTarget, secret: SecretObservation, hashes: Mapping[str, str], handed: Handed) -> Compared:
    """The Secret's values beside one answered read, by their keyed hashes."""
    fields = target.lane.custody.fields
    there = [field for field in fields if field in secret.values]
    equal = tuple(field for field in there if hashes.get(field) and hashes[field] == handed.hashes.get(field))
    return Compared(
        version=handed.version,
        equal=equal,
        different=tuple(field for field in there if field not in equal),
        missing=tuple(field for field in fields if field not in secret.values),
    )


def _owner_named(secret: Manifest) -> str:
    owner = owner_of(secret)
    if owner is None:
        return ""
    if owner.kind == "HelmRelease":
        return f"owned by the Helm release {owner.name or '(unnamed)'}"
    return f"owned by {owner.kind} {owner.name}"
