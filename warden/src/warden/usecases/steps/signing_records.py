"""What the journal says of certificates: before they are signed, after, and where it came to nothing.

A batch is one write before and one after, so that a hundred certificates do not cost a hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from warden.core.errors import WardenError, failure_kind
from warden.core.journal.operations import abandoned, killed
from warden.core.ssh import issue_log
from warden.core.ssh.emergency import ACTION as BREAK_GLASS
from warden.core.ssh.errors import NotAsDecided, OfKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warden.core.journal.record import NewRecord, Record
    from warden.core.ssh.certificate import Certificate, CertificateSpec
    from warden.ports.journal import Journal

_RECENT = 50
"""How many of the newest records are looked at for killed signings: it is to be quick."""


class ToSign(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed, and what the journal has of it.

    ``decision`` is the policy's. ``about`` says who asked, why and under which decision; every record repeats it.
    ``handed`` says where the certificate goes. ``begin`` and ``emergency`` are the numbers of ``certificate.begin`` and
    ``certificate.emergency``; 0 before they are written, and ``emergency`` where OpenBao knows the caller.
    """

    spec: CertificateSpec
    decision: Mapping[str, Any]
    about: Mapping[str, Any]
    handed: Mapping[str, str]
    begin: int = 0
    emergency: int = 0

    @property
    def body(self) -> dict[str, Any]:
        """What each record says of it."""
        numbers = {"begin": self.begin, "emergency": self.emergency}
        return {**self.about, **{name: number for name, number in numbers.items() if number}}


def record_begin(wanted: Sequence[ToSign], journal: Journal) -> list[ToSign]:
    """Each decision and what is about to happen, in one write. Raises `JournalUnwritable`."""
    entries = [_before(each) for each in wanted]
    earlier = [abandoned(record, found="nothing-handed-over") for record in _killed(wanted, journal)]
    numbers = iter(journal.record_all([*earlier, *(entry for of_one in entries for entry in of_one)])[len(earlier) :])
    found = [{event: next(numbers) for event, *_ in of_one} for of_one in entries]
    return [
        msgspec.structs.replace(each, begin=of_one[issue_log.BEGIN], emergency=of_one.get(issue_log.EMERGENCY, 0))
        for each, of_one in zip(wanted, found, strict=True)
    ]


def _before(each: ToSign) -> list[NewRecord]:
    subject = each.spec.subject
    loud = [(issue_log.EMERGENCY, subject, each.body)] if each.decision["action"] == BREAK_GLASS else []
    return [("decision", subject, each.decision), *loud, (issue_log.BEGIN, subject, each.body)]


def _killed(wanted: Sequence[ToSign], journal: Journal) -> list[Record]:
    """Signings of a moment ago that were killed: whatever was signed, nobody got it."""
    subjects = dict.fromkeys(each.spec.subject for each in wanted)
    return [each for name in subjects for each in killed(journal.unfinished(name, last=_RECENT), "certificate")]


def issued(each: ToSign, found: Certificate) -> NewRecord:
    """That this certificate was signed."""
    body = {
        "subject": each.spec.subject,
        "type": found.type,
        "serial": found.serial,
        "fingerprint": found.fingerprint,
        "authority": found.authority,
        "key_id": found.key_id,
        "principals": list(found.principals),
        "valid_after": found.valid_after,
        "valid_before": found.valid_before,
    }
    return issue_log.ISSUED, each.spec.subject, {**each.body, **body, **each.handed}


def record_failed(
    begun: Sequence[ToSign], done: Sequence[tuple[ToSign, Certificate]], fault: BaseException, journal: Journal
) -> None:
    """What was signed before, which nobody gets; the one that failed; those that were not asked for any more."""
    failed, *left = begun[len(done) :]
    numbers = journal.record_all([issued(*each) for each in done])
    gone = [discarded(each.spec.subject, found, no, fault) for (each, found), no in zip(done, numbers, strict=True)]
    rest = [(issue_log.FAILED, each.spec.subject, each.body | {"kind": "not-asked"}) for each in left]
    journal.record_all([*gone, _failed(failed, fault), *rest])


def _failed(failed: ToSign, fault: BaseException) -> NewRecord:
    problem = fault.problem if isinstance(fault, WardenError) else None
    problem = problem.problem if isinstance(problem, OfKey) else problem
    if isinstance(problem, NotAsDecided):
        wrong = {"differences": [msgspec.to_builtins(each) for each in problem.differences]}
        return issue_log.REFUSED, failed.spec.subject, failed.body | wrong
    return issue_log.FAILED, failed.spec.subject, failed.body | {"kind": failure_kind(fault)}


def discarded(subject: str, found: Certificate, issued_as: int, fault: BaseException) -> NewRecord:
    """That nobody has the certificate of the record `issued_as`."""
    body = {
        "issued": issued_as,
        "serial": found.serial,
        "fingerprint": found.fingerprint,
        "kind": failure_kind(fault),
    }
    return issue_log.DISCARDED, subject, body
