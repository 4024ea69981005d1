"""Whether a KRL that was fetched is put in place, and what became of one that sshd reads.

sshd would take anything: an unsigned one, an older one, one that revokes nothing.
"""

from typing import Literal

import msgspec

from warden.core.errors import Exit, WardenError
from warden.core.ssh.krl import Head, SignedKrl, head

Flaw = Literal["not-signed", "not-a-krl", "older", "same-version"]
"""Why a KRL is not put in place: its signature is not believed, OpenSSH cannot read it, its version is lower than that
of the last good one (or without one, of what is in place), or it is another one of the same version."""

State = Literal["replaced", "unchanged", "kept"]
"""What was done with the fetched one. ``kept``: nothing, because of a flaw or because there was no answer."""

Repair = Literal["", "last-good", "empty"]
"""What was put in place before anything was fetched, because sshd could not have read what was there: the last good
KRL, or where there has never been one, one that revokes nothing."""


Damage = Literal["", "unreadable", "changed"]
"""What is wrong with what is in place, where it is only looked at: sshd cannot read it, which refuses every key; or it
is not the last good one."""


class NoKrlInPlace(msgspec.Struct, frozen=True):
    """What is at that path is meant to be something else: a list of keys, say."""

    path: str


class Refusal(msgspec.Struct, frozen=True):
    """Why a fetched KRL was refused; `found` and `known` are versions."""

    flaw: Flaw
    found: int = 0
    known: int = 0


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did. ``head`` is that of the KRL in place; ``age`` in seconds, ``None`` where it has no time."""

    path: str
    url: str
    state: State
    head: Head
    age: int | None
    max_age: int
    repair: Repair = ""
    damage: Damage = ""
    refusal: Refusal | None = None
    fault: WardenError | None = None

    @property
    def stale(self) -> bool:
        """Whether what is in place is older than it may be: newer revocations may be missing."""
        return self.age is None or self.age > self.max_age

    @property
    def exit(self) -> Exit:
        """No answer is 3; a refused or an old KRL is an answer that is no."""
        if self.fault is not None:
            return self.fault.exit
        return Exit.NO if self.refusal is not None or self.damage or self.stale else Exit.DONE


def unfit(found: SignedKrl, last: SignedKrl | None, there: bytes) -> Refusal | None:
    """What speaks against a KRL whose signature is good; `last` is the last good one, `there` what is in place.

    Without a last good one, what is in place says which version is too old: otherwise whoever can have that file lost
    could have an older KRL taken.
    """
    new = head(found.krl)
    if new is None:
        return Refusal("not-a-krl")
    known = head(last.krl if last else there)
    if known is None or new.version > known.version or (last is not None and found.krl == last.krl):
        return None
    if new.version < known.version:
        return Refusal("older", new.version, known.version)
    return Refusal("same-version", new.version, known.version) if last else None


def age_of(found: Head, now: float) -> int | None:
    """Seconds since it was made, at least 0; ``None`` for one without a time."""
    return max(0, int(now - found.generated)) if found.generated else None
