"""issue: a key and its certificate, in the caller's agent or in files of a folder.

The order: the place shows that it can take a key, the certificate is signed (`sign`, with its own records before and
after), key and certificate are handed over, this machine takes note of them, what the place held before goes. Where the
handing over fails, the journal says that nobody has that certificate.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import WardenError, failure_kind
from warden.core.ssh import issue_log
from warden.core.ssh.kept import Kept
from warden.usecases.sign import SignRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.inventory import NamedActor
    from warden.ports.clock import Clock
    from warden.ports.journal import Journal
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_place import KeyPlace
    from warden.usecases.sign import Signed

    Sign = Callable[[SignRequest], Signed]


class IssueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a certificate for an actor, for how many seconds (``None``: as the inventory says), and why.

    ``fresh``: a folder's key is replaced, too. ``platform``, ``environment`` and ``address`` are what it is for.
    """

    actor: NamedActor
    platform: str
    environment: str = ""
    address: str = ""
    ttl: int | None = None
    reason: str = ""
    fresh: bool = True


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over: the certificate as it is kept, the file that ssh is to be told of, and who signed."""

    kept: Kept
    certificate_file: str
    signed: Signed


def issue(
    ask: IssueRequest, *, place: KeyPlace, kept: KeptCertificates, sign: Sign, journal: Journal, clock: Clock
) -> Handed:
    """Have a key certified and hand both over. If this raises, the place holds what it held before."""
    actor, holder = ask.actor.name, place.holder
    before = kept.find(actor, holder)
    file = kept.certificate_file(actor, holder)
    try:
        public_key = place.prepare(actor, before, fresh=ask.fresh)
        path = file if holder.handed == "file" else ""
        signed = sign(
            SignRequest(
                subject=ask.actor,
                public_key=public_key,
                ttl=ask.ttl,
                reason=ask.reason,
                handed=holder.handed,
                path=path,
            )
        )
        made = _handed_over(ask, signed, place=place, kept=kept, journal=journal, clock=clock)
    finally:
        place.abandon()
    if before is not None and holder.handed == "agent" and before.line != made.line:
        with suppress(WardenError):  # it leaves by itself at its end
            place.remove(before)
    return Handed(kept=made, certificate_file=file, signed=signed)


def _handed_over(
    ask: IssueRequest, signed: Signed, *, place: KeyPlace, kept: KeptCertificates, journal: Journal, clock: Clock
) -> Kept:
    found = signed.certificate
    made = Kept(
        actor=ask.actor.name,
        holder=place.holder,
        platform=ask.platform,
        environment=ask.environment,
        address=ask.address,
        line=found.line,
        serial=found.serial,
        fingerprint=found.fingerprint,
        valid_after=found.valid_after,
        valid_before=found.valid_before,
    )
    try:
        made = msgspec.structs.replace(made, own_key=place.hand(found, clock().timestamp()))
        kept.keep(made)
    except BaseException as fault:
        body = {
            "issued": signed.record,
            "serial": found.serial,
            "fingerprint": found.fingerprint,
            "kind": failure_kind(fault),
        }
        with suppress(WardenError):
            journal.record(issue_log.DISCARDED, ask.actor.name, body)
        with suppress(WardenError):
            place.remove(made)
        raise
    return made
