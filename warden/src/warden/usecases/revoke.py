"""revoke: have hosts refuse certificates before they expire.

`planned` finds what is meant in the issue log. `revoke` records it, which is what counts: every KRL from then on has
it. Then this machine's ssh is no longer told that a revoked certificate is ready, and a KRL is built and published.
Where that fails the revocation stands, and the next build has it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import msgspec

from warden.core.errors import Effect, NotFound, UsageError, WardenError
from warden.core.journal.record import NewRecord
from warden.core.lanes.catalog import nearest
from warden.core.remedies import warden
from warden.core.ssh.issue_log import EVENTS, REVOKED, Issued, issued
from warden.core.ssh.revocation import (
    Revocation,
    Revoked,
    Selection,
    ambiguous,
    decided,
    revocations,
    selected,
    unfinished,
)
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.certificates import Certificates
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.kept_certificates import KeptCertificates
from warden.usecases.krl import LANE, Published, Publisher, build


class NothingToRevoke(msgspec.Struct, frozen=True):
    """The issue log has nothing of the actor that is still valid; ``nearest`` are names in it that look like it."""

    actor: str
    nearest: tuple[str, ...] = ()


class RecordedOnly(msgspec.Struct, frozen=True):
    """The journal has the revocation, in that record, and no KRL with it was published."""

    record: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a revocation means: certificates that are still to be revoked, and those that are already.

    ``revocations`` are the records to make.
    """

    certificates: tuple[Issued, ...]
    already: tuple[Issued, ...]
    revocations: tuple[Revocation, ...]


class Revoking(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded, and the KRL that has it."""

    plan: Plan
    records: tuple[int, ...]
    published: Published


def authorities(
    asked: Iterable[Callable[[], CertificateAuthority]], certificates: Certificates, journal: Journal
) -> dict[str, str]:
    """The public keys of CAs by fingerprint: of those that answer, and those in earlier revocations."""
    found = {each.authority: each.authority_key for each in revocations(journal.log(events=(REVOKED,)))}
    for one in asked:
        try:
            found |= {certificates.fingerprint(line): certificates.public_key(line) for line in one().public_keys()}
        except WardenError:  # its serials are then revoked for every CA
            continue
    return {fingerprint: key for fingerprint, key in found.items() if fingerprint and key}


def planned(chosen: Selection, reason: str, authorities: Mapping[str, str], journal: Journal, clock: Clock) -> Plan:
    """What is meant; nothing is changed. `authorities` are the public keys of known CAs, by fingerprint.

    Raises `UsageError` for a serial of several CAs, `NotFound` where an actor has nothing to revoke.
    """
    records = journal.here(journal.log(events=EVENTS))
    now = clock().timestamp()
    found = selected(chosen, issued(records), now)
    if several := ambiguous(chosen, found):
        raise UsageError(several, effect=Effect.NOTHING_DONE, hint="name the CA with --ca FINGERPRINT")
    known = Revoked(revocations(records))
    left = [one for one in found if not known.has(one)]
    open_ones = known.new(unfinished(chosen, records, now, reason))
    made = [*decided(known.left(chosen, found), left, authorities, reason), *open_ones]
    if chosen.actor and not found and not open_ones:
        names = {one.subject for one in issued(records)}
        near = () if chosen.actor in names else tuple(nearest(chosen.actor, sorted(names)))
        raise NotFound(NothingToRevoke(chosen.actor, near), effect=Effect.NOTHING_DONE, subject=chosen.actor)
    already = tuple(one for one in found if known.has(one))
    return Plan(certificates=tuple(left), already=already, revocations=tuple(made))


def revoke(plan: Plan, tools: Publisher, kept: KeptCertificates) -> Revoking:
    """Record the revocations in one write, then publish a KRL with them; without new ones it is published all the same.

    `kept` is what this machine holds: of what is revoked, `ensure` gets another certificate.

    Raises `JournalUnwritable` where nothing is revoked; otherwise what `build` raises, with its effect: it is recorded.
    """
    records = tools.journal.record_all([_record(each) for each in plan.revocations])
    try:
        _withdraw(kept, tools.journal)
        published = build(tools)
    except WardenError as fault:
        fault.effect = RecordedOnly(records[-1] if records else 0)
        fault.remedy = fault.remedy or (warden("ssh krl build", dir=tools.folder.where),)
        raise
    return Revoking(plan=plan, records=tuple(records), published=published)


def _withdraw(kept: KeptCertificates, journal: Journal) -> None:
    """Have ssh ask again for what is revoked, also by an earlier call that was killed."""
    known = Revoked(revocations(journal.log(events=(REVOKED,))))
    for each in kept.all():
        if known.has(each):
            with suppress(WardenError):  # hosts refuse it all the same
                kept.withdraw(each)


def _record(made: Revocation) -> NewRecord:
    body = {name: value for name, value in msgspec.to_builtins(made).items() if name != "subject"}
    return (REVOKED, made.subject or LANE, body)
