"""issue: a key and its certificate, in the caller's agent or in files of a folder.

The order: the place shows that it can take a key, the certificate is signed (`sign`, with its own records before and
after), this machine takes note of it, key and certificate are handed over, what an agent held before goes. Where the
handing over fails, the journal says that nobody has that certificate, and all is as it was before. Where warden is
killed meanwhile, the note says which key it was to replace, and the next one replaces it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import WardenError
from warden.core.ssh.kept import Kept
from warden.usecases.sign import SignRequest
from warden.usecases.steps.signing_records import discarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warden.core.inventory.inventory import NamedActor
    from warden.core.ssh.kept import Holder, Prepared
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
    """What was handed over: the certificate as it is kept, the file that ssh is to be told of, and who signed.

    ``hosts``: the inventory has hosts for the actor.
    """

    kept: Kept
    certificate_file: str
    signed: Signed
    hosts: bool = True


def issue(
    ask: IssueRequest, *, place: KeyPlace, kept: KeptCertificates, sign: Sign, journal: Journal, clock: Clock
) -> Handed:
    """Have a key certified and hand both over. If this raises, the place holds what it held before."""
    actor, holder = ask.actor.name, place.holder
    before = kept.find(actor, holder)
    file = kept.certificate_file(actor, holder)
    try:
        prepared = place.prepare(actor, before, fresh=ask.fresh)
        path = file if holder.handed == "file" else ""
        signed = sign(
            SignRequest(
                subject=ask.actor,
                public_key=prepared.public_key,
                ttl=ask.ttl,
                reason=ask.reason,
                handed=holder.handed,
                asked_by="issue",
                path=path,
            )
        )
        made = _kept(ask, signed, holder, prepared)
        with _undone(made, before, signed, kept, journal):
            kept.keep(made)
            place.hand(signed.certificate, clock().timestamp())
    finally:
        place.abandon()
    if made.replaces:
        made = msgspec.structs.replace(made, replaces="")
        with suppress(WardenError):  # the next one replaces the key once more
            kept.keep(made)
    if before is not None and holder.handed == "agent" and before.line != made.line:
        with suppress(WardenError):  # it leaves by itself at its end
            place.remove(before)
    return Handed(kept=made, certificate_file=file, signed=signed, hosts=bool(ask.actor.declared.hosts))


def _kept(ask: IssueRequest, signed: Signed, holder: Holder, prepared: Prepared) -> Kept:
    found = signed.certificate
    return Kept(
        actor=ask.actor.name,
        holder=holder,
        platform=ask.platform,
        environment=ask.environment,
        address=ask.address,
        line=found.line,
        serial=found.serial,
        fingerprint=found.fingerprint,
        authority=found.authority,
        record=signed.record,
        valid_after=found.valid_after,
        valid_before=found.valid_before,
        own_key=prepared.own_key,
        replaces=prepared.replaces,
    )


@contextmanager
def _undone(
    made: Kept, before: Kept | None, signed: Signed, kept: KeptCertificates, journal: Journal
) -> Iterator[None]:
    """Where the handing over fails, nobody has the certificate: this machine keeps what it kept before."""
    try:
        yield
    except BaseException as fault:
        with suppress(WardenError):
            journal.record_all([discarded(made.actor, signed.certificate, signed.record, fault)])
        with suppress(WardenError):
            kept.forget(made)
            if before is not None:
                kept.keep(before)
        raise
