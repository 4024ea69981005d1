"""Revocations: which certificates are to be refused, as the journal's records ``certificate.revoked`` say.

A certificate is revoked by its serial, which counts for one CA; one without a serial, and one of which only the key is
known, by its key. A serial of a CA whose public key is not known here is revoked for every CA. The key of a CA revokes
all that it signed (measured, OpenSSH 9.2).
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from math import inf

import msgspec

from warden.core.errors import Effect, Refused
from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.journal.record import Record
from warden.core.remedies import RunWarden
from warden.core.ssh.issue_log import BEGIN, REVOKED, Issued
from warden.core.ssh.kept import Kept


class Revocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one record revokes: serials of one CA, and keys by their fingerprints. Its lane is ``subject``.

    ``authority`` is the CA's fingerprint, ``authority_key`` its line of OpenSSH; both are empty for every CA. After
    ``until`` (seconds since 1970) nothing of it can be valid; 0: the keys are refused for good.
    """

    reason: str
    subject: str = ""
    authority: str = ""
    authority_key: str = ""
    serials: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    until: int = 0


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be revoked: serials (of ``authority``, if named), keys, or what an actor was given or since when.

    ``actor`` and ``since`` narrow each other. ``actor`` may be a host.
    """

    serials: tuple[int, ...] = ()
    authority: str = ""
    keys: tuple[str, ...] = ()
    actor: str = ""
    since: float | None = None


class SerialOfSeveral(msgspec.Struct, frozen=True):
    """A serial that certificates of several CAs have."""

    serial: int
    authorities: tuple[str, ...]


def revocations(records: Iterable[Record]) -> list[Revocation]:
    """What these records revoke; what another version wrote is left out."""
    found = []
    for each in records:
        if each.event == REVOKED:
            with suppress(msgspec.ValidationError):
                found.append(msgspec.convert({**each.body, "subject": each.lane}, Revocation))
    return found


def still_needed(known: Iterable[Revocation], now: float) -> list[Revocation]:
    """Those of which something may still be valid, on a host whose clock is behind."""
    return [each for each in known if not each.until or each.until + CLOCK_SKEW > now]


class KeyRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """The key to be signed is one that hosts refuse."""

    fingerprint: str
    reason: str


class Revoked:
    """What several revocations revoke together."""

    def __init__(self, known: Iterable[Revocation]) -> None:
        self._serials: set[tuple[str, int]] = set()
        self._keys: dict[str, float] = {}
        for each in known:
            self._serials.update((each.authority, serial) for serial in each.serials)
            for key in each.keys:
                self._keys[key] = max(self._keys.get(key, 0), each.until or inf)

    def has(self, one: Issued | Kept) -> bool:
        """Whether this certificate is revoked to its end: by its serial, by its key, or with its CA."""
        by_serial = (one.authority, one.serial) in self._serials or ("", one.serial) in self._serials
        return by_serial or any(self._until(key) >= one.valid_before for key in (one.fingerprint, one.authority))

    def new(self, found: Iterable[Revocation]) -> list[Revocation]:
        """Those that refuse keys which are not refused yet, or not for as long."""
        return [each for each in found if any(self._until(key) < (each.until or inf) for key in each.keys)]

    def left(self, chosen: Selection, found: Iterable[Issued]) -> Selection:
        """The selection without what is revoked already; `found` are the certificates that it means."""
        gone = {one.serial for one in found if self.has(one)}
        gone.update(serial for authority, serial in self._serials if authority in {"", chosen.authority})
        serials = (each for each in chosen.serials if each not in gone)
        keys = (each for each in chosen.keys if self._until(each) < inf)
        return msgspec.structs.replace(chosen, serials=tuple(serials), keys=tuple(keys))

    def _until(self, key: str) -> float:
        """When a key stops being refused: never, for one that is revoked for good; 0 for one that is not refused."""
        return self._keys.get(key, 0)


def expect_not_revoked(subject: str, fingerprint: str, needed: Iterable[Revocation], remedy: RunWarden) -> None:
    """Raises `Refused` for a key that hosts refuse in every certificate: `needed` are revocations that KRLs still have.

    `remedy` has another key certified.
    """
    for each in needed:
        if fingerprint in each.keys:
            raise Refused(
                KeyRevoked(fingerprint=fingerprint, reason=each.reason),
                effect=Effect.NOTHING_SIGNED,
                system="journal",
                subject=subject,
                hint="have another key certified",
                remedy=(remedy,),
            )


def selected(chosen: Selection, issued: Iterable[Issued], now: float) -> list[Issued]:
    """The certificates of the issue log that are meant and may still be valid somewhere."""
    return [one for one in issued if one.valid_before + CLOCK_SKEW > now and _meant(chosen, one)]


def unfinished(chosen: Selection, records: Sequence[Record], now: float, reason: str) -> list[Revocation]:
    """Of what the selection means by actor or time: signings of which the journal has no end, as after a kill.

    Whether there is a certificate is not known, nor its serial; its key is refused for as long as it could be valid.
    """
    ended = {each.body.get("begin") for each in records}
    found = []
    for each in records:
        if each.event != BEGIN or each.seq in ended or chosen.actor not in {"", each.lane}:
            continue
        at = dt.datetime.fromisoformat(each.at).timestamp()
        key, ttl = each.body.get("fingerprint"), each.body.get("requested_ttl")
        if not isinstance(key, str) or not isinstance(ttl, int) or at + ttl + CLOCK_SKEW <= now:
            continue
        if (chosen.actor or chosen.since is not None) and at >= (chosen.since or 0):
            until = int(at + ttl + CLOCK_SKEW)
            found.append(Revocation(reason=reason, subject=each.lane, keys=(key,), until=until))
    return found


def _meant(chosen: Selection, one: Issued) -> bool:
    if one.serial in chosen.serials and chosen.authority in {"", one.authority}:
        return True
    if one.fingerprint in chosen.keys or one.authority in chosen.keys:
        return True
    latest = one.valid_after + 2 * CLOCK_SKEW  # valid from a minute before, by a clock that may be behind by another
    by_time = chosen.since is None or latest >= chosen.since
    return bool(chosen.actor or chosen.since is not None) and chosen.actor in {"", one.subject} and by_time


def ambiguous(chosen: Selection, certificates: Iterable[Issued]) -> SerialOfSeveral | None:
    """The first serial of the selection that several CAs have given, where no CA is named."""
    by_serial: dict[int, set[str]] = {serial: set() for serial in chosen.serials}
    for one in certificates:
        if one.serial in by_serial:
            by_serial[one.serial].add(one.authority)
    several = ((serial, found) for serial, found in by_serial.items() if len(found) > 1)
    return next((SerialOfSeveral(serial, tuple(sorted(found))) for serial, found in several), None)


def decided(
    chosen: Selection, certificates: Sequence[Issued], authorities: Mapping[str, str], reason: str
) -> list[Revocation]:
    """The records to make: one for each subject and CA, one for serials that the issue log does not have, one for keys.

    `certificates` are those that the selection means and that are not revoked yet. `authorities` has the public keys of
    the CAs by fingerprint.
    """
    by_key = set(chosen.keys)
    groups: dict[tuple[str, str], list[Issued]] = {}
    for one in certificates:
        if by_key.isdisjoint({one.fingerprint, one.authority}):
            groups.setdefault((one.subject, one.authority), []).append(one)
    made = [_of_group(subject, ca, ones, authorities, reason) for (subject, ca), ones in groups.items()]
    known = {one.serial for one in certificates}
    if unknown := tuple(serial for serial in chosen.serials if serial not in known):
        key = authorities.get(chosen.authority, "")
        named = chosen.authority if key else ""
        made.append(Revocation(reason=reason, authority=named, authority_key=key, serials=unknown))
    if chosen.keys:
        subject = _one({one.subject for one in certificates if one.fingerprint in by_key})
        made.append(Revocation(reason=reason, subject=subject, keys=chosen.keys))
    return made


def _of_group(subject: str, ca: str, ones: Sequence[Issued], authorities: Mapping[str, str], reason: str) -> Revocation:
    key = authorities.get(ca, "")
    return Revocation(
        reason=reason,
        subject=subject,
        authority=ca if key else "",
        authority_key=key,
        serials=tuple(one.serial for one in ones if one.serial),
        keys=tuple(dict.fromkeys(one.fingerprint for one in ones if not one.serial)),
        until=max(one.valid_before for one in ones),
    )


def _one(subjects: Collection[str]) -> str:
    """The one subject of a key; empty where there are none or several."""
    return next(iter(subjects)) if len(subjects) == 1 else ""
