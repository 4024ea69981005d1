"""What is to be signed: from the inventory, the key that was shown, who asked and the time. Nothing is shortened."""

import datetime as dt
from typing import Literal, NoReturn

import msgspec

from warden.core.errors import Effect, Refused, UsageError
from warden.core.inventory.inventory import CLOCK_SKEW, CertificateType, Inventory, NamedActor, NamedHost
from warden.core.inventory.public_keys import PublicKeyBlob, public_key
from warden.core.lanes.readers import Seconds
from warden.core.openbao.api import Identity
from warden.core.remedies import warden
from warden.core.ssh.certificate import CertificateSpec, key_id

Subject = NamedActor | NamedHost
"""Whose certificate it is."""
LONGEST_NAME = 400
"""Characters in sshd's log that a caller's name may take."""


class TtlOverLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate was asked for that is valid for longer (seconds) than the inventory allows."""

    subject: str
    asked: int
    most: int


class KeyNotListed(msgspec.Struct, frozen=True, kw_only=True):
    """The inventory lists the keys that are signed for it, and this is not one of them."""

    subject: str
    fingerprint: str


class UnknownActor(msgspec.Struct, frozen=True, kw_only=True):
    """The inventory has no such actor or host; ``nearest`` are the names that look most like it."""

    subject: str
    nearest: tuple[str, ...]
    what: Literal["actor", "host", "either"] = "actor"


class UnfitName(msgspec.Struct, frozen=True):
    """What the caller is called cannot stand in a key id: sshd's log would be misread."""

    display_name: str


def actor(inventory: Inventory, name: str) -> NamedActor:
    """The actor of that name. Raises `UsageError`."""
    found = inventory.actor(name)
    return found if found is not None else _unknown(name, tuple(inventory.actors), "actor")


def host(inventory: Inventory, name: str) -> NamedHost:
    """The host of that name. Raises `UsageError`."""
    found = inventory.host(name)
    return found if found is not None else _unknown(name, tuple(inventory.hosts), "host")


def expect_declared(inventory: Inventory, name: str) -> None:
    """Raise `UsageError` for a name that is neither an actor nor a host."""
    if name not in inventory.actors and name not in inventory.hosts:
        _unknown(name, (*inventory.actors, *inventory.hosts), "either")


def _unknown(name: str, known: tuple[str, ...], what: Literal["actor", "host", "either"]) -> NoReturn:
    from warden.core.lanes.catalog import nearest

    raise UsageError(
        UnknownActor(subject=name, nearest=tuple(nearest(name, known)), what=what),
        effect=Effect.NOTHING_DONE,
        system="platform",
        subject=name,
        remedy=(warden("inventory list"),),
    )


def type_of(subject: Subject) -> CertificateType:
    """Which type of certificate it has."""
    return "user" if isinstance(subject, NamedActor) else "host"


def ttl_of(subject: Subject, asked: int | None) -> Seconds:
    """The validity in seconds: what was asked for, else what the inventory says. Raises `Refused` for a longer one."""
    most = subject.ttl
    if asked is None or asked <= most:
        return most if asked is None else Seconds(asked)
    raise Refused(
        TtlOverLimit(subject=subject.name, asked=asked, most=most),
        effect=Effect.NOTHING_SIGNED,
        system="platform",
        subject=subject.name,
        hint=f"leave --ttl out, or ask for at most --ttl {most}s",
    )


def expect_listed(subject: Subject, key: PublicKeyBlob) -> None:
    """Raise `Refused` where the inventory lists other keys only."""
    listed = [found.blob for line in subject.declared.public_keys if (found := public_key(line))]
    if not subject.declared.public_keys or key.blob in listed:
        return
    raise Refused(
        KeyNotListed(subject=subject.name, fingerprint=key.fingerprint),
        effect=Effect.NOTHING_SIGNED,
        system="platform",
        subject=subject.name,
        remedy=(warden("inventory list"),),
    )


def decide(subject: Subject, key: PublicKeyBlob, who: Identity, now: dt.datetime, ttl: Seconds) -> CertificateSpec:
    """What is to be signed. Raises `Refused` where the caller's name cannot stand in it."""
    if not _is_readable(who.display_name):
        problem = UnfitName(who.display_name)
        raise Refused(problem, effect=Effect.NOTHING_SIGNED, system="OpenBao", subject=subject.name)
    at = int(now.timestamp())
    return CertificateSpec(
        type=type_of(subject),
        subject=subject.name,
        public_key=key.line,
        key_id=key_id(subject.name, who.display_name, key.line),
        principals=subject.principals,
        valid_after=at - CLOCK_SKEW,
        valid_before=at + ttl,
        critical_options=subject.critical_options,
        extensions=subject.extensions,
    )


def _is_readable(name: str) -> bool:
    """Whether sshd can log a key id with this name so that nobody mistakes what stands behind it, the serial above all.

    It writes ``ID <key id> (serial N) CA …``, other bytes than printable ASCII as four characters each, and cuts the
    line at 1,023 (measured, OpenSSH 9.2; log.c).
    """
    logged = sum(1 if each.isascii() and each != "\\" else 4 * len(each.encode()) for each in name)
    return name.isprintable() and logged <= LONGEST_NAME and "(serial" not in name
