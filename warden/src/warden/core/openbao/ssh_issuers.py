"""The keys of an SSH engine ("issuers"), and which step of replacing one comes next.

Every key that warden makes is named after its generation, so that which one comes in and which one goes out follows
from what the engine has: nothing is kept elsewhere, and a rotation that was killed goes on where it was.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

_GENERATION = re.compile(r"generation-([0-9]{1,9})")
FIRST = "generation-1"
"""The name of the first key."""


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the engine: its id, its name (may be empty), its public key, and whether it signs now."""

    id: str
    name: str
    public_key: str
    signs: bool

    @property
    def generation(self) -> int:
        """0 for a key that warden did not make."""
        found = _GENERATION.fullmatch(self.name)
        return int(found[1]) if found else 0


def named(issuer: Issuer) -> str:
    """How it is called: its name, else its id."""
    return issuer.name or issuer.id


def next_name(issuers: Sequence[Issuer]) -> str:
    """The name of the key after all of these."""
    return f"generation-{max((each.generation for each in issuers), default=0) + 1}"


def in_order(issuers: Sequence[Issuer]) -> tuple[Issuer, ...]:
    """The one that signs comes first, the others by age."""
    return tuple(sorted(issuers, key=lambda each: (not each.signs, each.generation, each.id)))


Step = Literal["make", "switch", "remove"]
"""``make`` a new key, for hosts to trust; ``switch`` to it; ``remove`` the old one, when nothing it signed is valid."""


def current(issuers: Sequence[Issuer]) -> Issuer | None:
    """The key that signs."""
    return next((each for each in issuers if each.signs), None)


def incoming(issuers: Sequence[Issuer]) -> Issuer | None:
    """The newest key, if it is newer than the one that signs."""
    signs = current(issuers)
    newest = max(issuers, key=lambda each: each.generation, default=None)
    if newest is None or newest.generation <= (signs.generation if signs else 0):
        return None
    return newest


def outgoing(issuers: Sequence[Issuer]) -> tuple[Issuer, ...]:
    """The keys that signed before the one that does now; the oldest first."""
    signs = current(issuers)
    older = (each for each in issuers if signs and not each.signs and each.generation <= signs.generation)
    return tuple(sorted(older, key=lambda each: (each.generation, each.id)))


def next_step(issuers: Sequence[Issuer]) -> Step:
    """What comes next; where an old key is still there, it goes before a new one comes."""
    if incoming(issuers):
        return "switch"
    return "remove" if outgoing(issuers) else "make"
