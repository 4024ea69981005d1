"""Break-glass: certificates that were signed without OpenBao, and who has looked at them since.

    certificate.emergency      it is about to be signed: for whom, why, by whose hands
    certificate.issued         it was (`emergency` is the number of that record)
    certificate.acknowledged   somebody else has looked at it (`record` is its number)

Without OpenBao nobody says who calls but this machine, so the caller is ``USER@HOST``. Whoever acknowledges it logs in
to OpenBao, under another name than that of this user.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from warden.core.access.decision import Decision
from warden.core.errors import Effect, Refused, UsageError
from warden.core.journal.record import Record
from warden.core.openbao.api import Identity
from warden.core.remedies import warden
from warden.core.ssh.issue_log import ACKNOWLEDGED, EMERGENCY, ISSUED

EVENTS = (EMERGENCY, ISSUED, ACKNOWLEDGED)
"""What `emergencies` reads."""
ACTION = "break-glass"
"""What the policy is asked about."""


class ReasonWanted(msgspec.Struct, frozen=True):
    """A certificate without OpenBao is not signed without a reason."""


class EmergencyDenied(msgspec.Struct, frozen=True, kw_only=True):
    """The access policies of this machine do not permit it; ``policies`` are those that deny it."""

    who: str
    subject: str
    policies: tuple[str, ...]


class NoSuchEmergency(msgspec.Struct, frozen=True, kw_only=True):
    """No certificate was signed without OpenBao under that record; ``waiting`` are those not acknowledged yet."""

    record: int
    waiting: tuple[int, ...]


class SamePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever signed cannot acknowledge it: ``caller`` is who OpenBao says it is, ``signer`` the user who signed."""

    record: int
    caller: str
    signer: str


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Who has looked at it, when, and what they say."""

    by: str
    at: str
    comment: str
    record: int


class Emergency(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was to be signed without OpenBao.

    ``serials`` are empty where none came of it, as far as the journal knows. ``ends`` is when the last one expires, in
    seconds since 1970 in UTC; 0 without one.
    """

    record: int
    at: str
    subject: str
    signer: str
    reason: str
    principals: tuple[str, ...] = ()
    where: str = ""
    serials: tuple[int, ...] = ()
    ends: int = 0
    acknowledged: Acknowledged | None = None


def emergencies(records: Iterable[Record]) -> list[Emergency]:
    """What these records (of `EVENTS`, oldest first) say of certificates without OpenBao."""
    found: dict[int, Emergency] = {}
    for each in records:
        if each.event == EMERGENCY:
            found[each.seq] = _emergency(each)
        elif each.event == ISSUED and (known := found.get(each.number("emergency"))):
            found[known.record] = _issued(known, each)
        elif each.event == ACKNOWLEDGED and (known := found.get(each.number("record"))):
            found[known.record] = msgspec.structs.replace(known, acknowledged=_acknowledged(each))
    return list(found.values())


def waiting(records: Iterable[Record]) -> list[Emergency]:
    """Those that nobody else has looked at."""
    return [each for each in emergencies(records) if each.acknowledged is None]


def local_identity(user: str, host: str) -> Identity:
    """The caller as this machine knows it: nobody logged in anywhere."""
    return Identity(display_name=f"{user}@{host}", path="", role="", entity="", policies=(), ttl=0)


def expect_permitted(subject: str, who: Identity, decision: Decision) -> None:
    """Raise `Refused` where the policy denies it; no login at OpenBao would change that."""
    if decision.effect == "allow":
        return
    problem = EmergencyDenied(who=who.display_name, subject=subject, policies=decision.policies)
    raise Refused(problem, effect=Effect.NOTHING_SIGNED, system="policy", subject=subject)


def expect_reason(reason: str) -> str:
    """The reason, without blanks around it. Raises `UsageError` where nothing in it can be read."""
    if not any(each.isalnum() for each in reason):
        raise UsageError(ReasonWanted(), effect=Effect.NOTHING_SIGNED)
    return reason.strip()


def find(found: Sequence[Emergency], record: int) -> Emergency:
    """The one with that record. Raises `UsageError`."""
    for each in found:
        if each.record == record:
            return each
    left = tuple(each.record for each in found if each.acknowledged is None)
    remedy = (warden("ssh acknowledge", str(left[0])),) if left else (warden("ssh status"),)
    problem = NoSuchEmergency(record=record, waiting=left)
    raise UsageError(problem, effect=Effect.NOTHING_WRITTEN, system="journal", subject=str(record), remedy=remedy)


def expect_another(emergency: Emergency, who: Identity) -> None:
    """Raise `Refused` where the caller has the name of the user who signed.

    OpenBao shows a name with its mount before it and often a domain behind it: ``oidc-ada@example.org`` is ``ada``.
    """
    user = re.escape(emergency.signer.rpartition("@")[0] or emergency.signer)
    if re.search(rf"(?<![^\W_]){user}(?![^\W_])", who.display_name, re.IGNORECASE):
        problem = SamePerson(record=emergency.record, caller=who.display_name, signer=emergency.signer)
        raise Refused(problem, effect=Effect.NOTHING_WRITTEN, subject=str(emergency.record))


def _emergency(record: Record) -> Emergency:
    body = record.body
    principals = body.get("principals")
    return Emergency(
        record=record.seq,
        at=record.at,
        subject=record.lane,
        signer=record.who or record.actor,
        reason=str(body.get("reason") or ""),
        principals=tuple(map(str, principals)) if isinstance(principals, list | tuple) else (),
        where=str(body.get("where") or ""),
    )


def _issued(known: Emergency, record: Record) -> Emergency:
    serial, ends = record.number("serial"), record.number("valid_before")
    return msgspec.structs.replace(known, serials=(*known.serials, serial), ends=max(known.ends, ends))


def _acknowledged(record: Record) -> Acknowledged:
    comment = str(record.body.get("comment") or "")
    return Acknowledged(by=record.who or record.actor, at=record.at, comment=comment, record=record.seq)
