"""The issue log: which certificates are out there, as the journal's records say.

    certificate.begin     before anything is asked of a signer
    certificate.issued    one came back and is what was decided
    certificate.refused   one came back and is not: `differences`
    certificate.failed    none came back; `certificate.abandoned`: whoever asked was killed
    certificate.discarded one was issued and could not be handed over: nobody has its key
    certificate.removing  it is about to be removed from a machine; `certificate.removed`: it was, or not (`kind`)
    certificate.revoked   what was revoked: serials of one CA, keys, an actor's, or all before a time
    certificate.emergency one was signed without OpenBao; `certificate.acknowledged` names the record
    decision              the policy, or a policy point, denied one (`denied`)

The ``lane`` of each record is the actor or the host.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from warden.core.inventory.inventory import CertificateType
from warden.core.journal.record import OF_CERTIFICATES, Record

BEGIN = "certificate.begin"
ISSUED = "certificate.issued"
REFUSED = "certificate.refused"
FAILED = "certificate.failed"
ABANDONED = "certificate.abandoned"
DISCARDED = "certificate.discarded"
REMOVING = "certificate.removing"
REMOVED = "certificate.removed"
REVOKED = "certificate.revoked"
EMERGENCY = "certificate.emergency"
ACKNOWLEDGED = "certificate.acknowledged"

Handed = Literal["stdout", "agent", "file"]
"""Where a certificate went to."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of the issue log: the body of ``certificate.issued`` has these, beside who asked and why.

    Times are seconds since 1970 in UTC; ``valid_after`` is a little in the past, for clocks that differ.
    ``requested_ttl`` is the decided validity in seconds. ``path`` is the file that it went to, where it went to one.
    """

    subject: str
    type: CertificateType
    serial: int
    fingerprint: str
    authority: str
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    requested_ttl: int = 0
    handed: Handed
    path: str = ""
    record: int = 0
    at: str = ""


DECISION = "decision"

EVENTS = (BEGIN, ISSUED, REFUSED, FAILED, ABANDONED, DISCARDED, REVOKED, EMERGENCY, ACKNOWLEDGED)


def issued(records: Iterable[Record]) -> list[Issued]:
    """The certificates that these records say were issued, in their order; what another version wrote is left out."""
    found = []
    for each in records:
        if each.event == ISSUED:
            with suppress(msgspec.ValidationError):
                found.append(msgspec.convert({**each.body, "record": each.seq, "at": each.at}, Issued))
    return found


def denied(record: Record) -> bool:
    """Whether a policy denied a certificate: of what it permits, the log has what became of it."""
    asked = record.body.get("action") in OF_CERTIFICATES
    return record.event == DECISION and asked and record.body.get("effect") == "deny"
