"""ssh ensure: a certificate that can be used now, in no time where there is one.

What ssh waits for at every login: a certificate of this machine that is good is only looked at. Otherwise one process
at a time renews it; those that waited meanwhile take what it got, or its failure. Where a renewal fails and the old
certificate is still valid, that is enough, and the next try is a minute later. One that was revoked is of no use: it
is replaced, with its key where warden made that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import Effect, Inconclusive, WardenError
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.kept import JustFailed, Kept
from warden.core.ssh.revocation import Revoked, revocations

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.kept import Holder
    from warden.ports.clock import Clock
    from warden.ports.journal import Journal
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_place import KeyPlace

PATIENCE = 60.0
"""Seconds to wait for another process that renews the same certificate: on a busy machine that takes a while."""
PAUSE = 60.0
"""Seconds between two tries to renew a certificate that is still valid."""


class EnsureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Whose certificate, and where OpenBao is as BAO_ADDR says now; empty where it says nothing."""

    actor: str
    address: str = ""


class Ensured(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate that is to be used; ``fault`` is why it could not be renewed though it was time.

    ``revoked`` is the one before, where that was revoked.
    """

    kept: Kept
    renewed: bool = False
    fault: WardenError | None = None
    revoked: Kept | None = None


class _There(msgspec.Struct, frozen=True, kw_only=True):
    """What a place has: a certificate that can be used, or one that was revoked, or neither."""

    usable: Kept | None = None
    revoked: Kept | None = None


def ensure(
    ask: EnsureRequest,
    *,
    place: KeyPlace,
    kept: KeptCertificates,
    renew: Callable[[bool], Kept],
    journal: Callable[[], Journal],
    clock: Clock,
) -> Ensured:
    """A certificate that is held and valid. `renew` is told whether the key has to be a fresh one.

    Raises whatever kept `renew` from getting one, `Inconclusive` where the process that was waited for just failed to,
    and `Held`.
    """
    began = clock().timestamp()
    there = _there(ask, place, kept, journal, began)
    if there.usable is not None and _enough(there.usable, began, kept, ask.actor, place.holder):
        kept.show(there.usable)
        return Ensured(kept=there.usable)
    with kept.alone(ask.actor, place.holder, PATIENCE):
        now = clock().timestamp()
        there = _there(ask, place, kept, journal, now)
        if there.usable is not None and _enough(there.usable, now, kept, ask.actor, place.holder):
            return Ensured(kept=there.usable)
        if there.usable is None and kept.failed_at(ask.actor, place.holder) >= began:
            raise Inconclusive(JustFailed(ask.actor), effect=Effect.NOTHING_DONE, subject=ask.actor)
        try:
            made = renew(there.revoked is not None and there.revoked.own_key)
        except WardenError as fault:
            kept.note_failure(ask.actor, place.holder)
            if there.usable is None:
                raise
            return Ensured(kept=there.usable, fault=fault)
        return Ensured(kept=made, renewed=True, revoked=there.revoked)


def _there(
    ask: EnsureRequest, place: KeyPlace, kept: KeptCertificates, journal: Callable[[], Journal], now: float
) -> _There:
    """What the place holds, if it is valid, not revoked, and of the OpenBao that is named now."""
    found = kept.find(ask.actor, place.holder)
    if found is None:
        return _There()
    if _is_revoked(found, journal):
        kept.withdraw(found)
        return _There(revoked=found)
    elsewhere = ask.address and found.address and ask.address != found.address
    if found.standing(now) == "expired" or elsewhere or not place.holds(found):
        return _There()
    return _There(usable=found)


def _is_revoked(found: Kept, journal: Callable[[], Journal]) -> bool:
    """Whether it was revoked since it was issued. Where the journal cannot say, it is used: hosts refuse it anyway."""
    try:
        records = journal().log(events=(REVOKED,), after=found.record)
    except WardenError:
        return False
    return Revoked(revocations(records)).has(found)


def _enough(found: Kept, now: float, kept: KeptCertificates, actor: str, holder: Holder) -> bool:
    """Whether there is nothing to renew yet, or it was tried a moment ago."""
    return found.standing(now) == "good" or now - kept.failed_at(actor, holder) < PAUSE
