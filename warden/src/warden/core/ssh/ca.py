"""The keys of an authority, and when an old one may go."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import DeclaredAuthority, Inventory, Purpose
from warden.core.openbao.ssh_issuers import Step
from warden.core.remedies import EditFile
from warden.core.ssh.issue_log import Issued

Standing = Literal["signs", "incoming", "outgoing", "trusted"]
"""``incoming`` is to sign next, ``outgoing`` did before; both are trusted. ``trusted`` is declared to be."""


class CaKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that is to be trusted; ``name`` is the engine's for it, ``public_key`` a line of OpenSSH."""

    purpose: Purpose
    where: str
    standing: Standing
    name: str
    public_key: str
    fingerprint: str


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """A step of replacing a key: which key it was about, every key afterwards, and what comes next.

    ``until`` is when the last certificate of an outgoing key ends (seconds since 1970 in UTC; 0: none is known).
    """

    purpose: Purpose
    mount: str
    step: Step
    key: CaKey
    keys: tuple[CaKey, ...]
    record: int
    until: int = 0


class NotAnEngine(msgspec.Struct, frozen=True):
    """The key of this authority is not in OpenBao, so that a person replaces it."""

    purpose: Purpose
    where: str


class NoAuthority(msgspec.Struct, frozen=True):
    """The inventory names no authority that signs that."""

    purpose: Purpose


class NoKey(msgspec.Struct, frozen=True):
    """The engine has no key, or none that signs."""

    mount: str


class StepNotConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """The step changes what hosts accept, and nobody has agreed to it."""

    step: Step
    mount: str
    name: str


class StillValid(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates that the key signed are valid until then, or may be (seconds since 1970 in UTC; 0: not known)."""

    name: str
    until: int


class KeyStep(msgspec.Struct, frozen=True, kw_only=True):
    """An effect: the step was done."""

    step: Step
    name: str


def expect_authority(purpose: Purpose, inventory: Inventory, effect: Effect) -> DeclaredAuthority:
    """Who signs that. Raises `UsageError`, with this effect, where the inventory names nobody."""
    found = inventory.authorities.of(purpose)
    if found is None:
        declare = EditFile(file="inventory.yaml", field=field_of(purpose))
        raise UsageError(NoAuthority(purpose), effect=effect, system="platform", subject=purpose, remedy=(declare,))
    return found


def field_of(purpose: Purpose) -> str:
    """Where the inventory names it."""
    return f"authorities.{purpose.replace('-', '_')}"


def longest(purpose: Purpose, inventory: Inventory) -> int:
    """The longest validity, in seconds, of a certificate that the authority signs."""
    if purpose == "hosts":
        return max((int(each.ttl) for each in inventory.hosts.values()), default=0)
    return max((int(each.ttl) for each in inventory.named_actors), default=0)


def valid_until(fingerprint: str, log: Iterable[Issued], switched: int, most: int) -> int:
    """When the last certificate of the key ends, by the issue log and by when it signed last; 0: nothing is known.

    `switched` is when another key began to sign (0: not known), `most` the longest validity.
    """
    ends = [each.valid_before for each in log if each.authority == fingerprint]
    return max([*ends, *([switched + most] if switched else [])], default=0)
