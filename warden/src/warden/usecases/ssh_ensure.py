"""ssh ensure: a certificate that can be used now, in no time where there is one.

What ssh waits for at every login: a certificate of this machine that is good is only looked at. Otherwise one process
at a time renews it; those that waited meanwhile take what it got, or its failure. Where a renewal fails and the old
certificate is still valid, that is enough, and the next try is a minute later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import Effect, Inconclusive, WardenError
from warden.core.ssh.kept import JustFailed, Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.kept import Holder
    from warden.ports.clock import Clock
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
    """The certificate that is to be used; ``fault`` is why it could not be renewed though it was time."""

    kept: Kept
    renewed: bool = False
    fault: WardenError | None = None


def ensure(
    ask: EnsureRequest,
    *,
    place: KeyPlace,
    kept: KeptCertificates,
    renew: Callable[[], Kept],
    clock: Clock,
) -> Ensured:
    """A certificate that is held and valid.

    Raises whatever kept `renew` from getting one, `Inconclusive` where the process that was waited for just failed to,
    and `Held`.
    """
    began = clock().timestamp()
    found = _usable(ask, place, kept, began)
    if found is not None and _enough(found, began, kept, ask.actor, place.holder):
        kept.show(found)
        return Ensured(kept=found)
    with kept.alone(ask.actor, place.holder, PATIENCE):
        now = clock().timestamp()
        found = _usable(ask, place, kept, now)
        if found is not None and _enough(found, now, kept, ask.actor, place.holder):
            return Ensured(kept=found)
        if found is None and kept.failed_at(ask.actor, place.holder) >= began:
            raise Inconclusive(JustFailed(ask.actor), effect=Effect.NOTHING_DONE, subject=ask.actor)
        try:
            return Ensured(kept=renew(), renewed=True)
        except WardenError as fault:
            kept.note_failure(ask.actor, place.holder)
            if found is None:
                raise
            return Ensured(kept=found, fault=fault)


def _usable(ask: EnsureRequest, place: KeyPlace, kept: KeptCertificates, now: float) -> Kept | None:
    """What the place holds, if it is valid and of the OpenBao that is named now."""
    found = kept.find(ask.actor, place.holder)
    if found is None or found.standing(now) == "expired":
        return None
    elsewhere = ask.address and found.address and ask.address != found.address
    return found if not elsewhere and place.holds(found) else None


def _enough(found: Kept, now: float, kept: KeptCertificates, actor: str, holder: Holder) -> bool:
    """Whether there is nothing to renew yet, or it was tried a moment ago."""
    return found.standing(now) == "good" or now - kept.failed_at(actor, holder) < PAUSE
