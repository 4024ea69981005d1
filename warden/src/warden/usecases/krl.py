"""krl: build and publish what is revoked, and put it in place on a host.

`build` reads the journal's revocations, makes a KRL of those of which something may still be valid, signs it, and
publishes both. `pull` first repairs what sshd could not read, then fetches what is published, and puts it in place if
it is signed, readable and not older than the last good one.
"""

from typing import Any

import msgspec

from warden.core.errors import Effect, Inconclusive, UsageError, WardenError
from warden.core.remedies import warden
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.krl import (
    BEGIN,
    EMPTY,
    NAMESPACE,
    PUBLISHED,
    Head,
    SignedKrl,
    head,
    is_krl,
    next_version,
    sections,
)
from warden.core.ssh.krl_pull import Damage, NoKrlInPlace, Pulled, Refusal, Repair, State, age_of, unfit
from warden.core.ssh.revocation import revocations, still_needed
from warden.core.ssh.sshsig import signature_file, signed_bytes
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.krl import KrlBuilder, KrlFolder, KrlHost, KrlSource, KrlVerifier
from warden.ports.signer import Signer
from warden.usecases.steps.recorded import begun

LANE = "krl"
"""The lane of the records that are of no actor and no host."""


class Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """What a KRL is built, signed and published with."""

    journal: Journal
    builder: KrlBuilder
    signer: Signer
    folder: KrlFolder
    clock: Clock


class KrlOfAnotherJournal(msgspec.Struct, frozen=True):
    """The KRL in the folder is not one that this journal has made: it is another one, or was restored from a backup."""

    where: str
    version: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A KRL that was published: what it revokes, how large it is in bytes, and the fingerprint of who signed it."""

    where: str
    version: int
    serials: int
    keys: int
    size: int
    key: str
    record: int


def build(tools: Publisher) -> Published:
    """Record that a KRL is made, make and sign it, publish it, and record that.

    Raises `JournalUnwritable`, `Inconclusive`, and what the signer raises: then what was published before stays. It
    does so, too, where this journal has not made it: a new one would let in whom that one refuses.
    """
    now = tools.clock().timestamp()
    journal = tools.journal
    every = revocations(journal.log(events=(REVOKED,)))  # a host that pulls it may trust CAs of several platforms
    parts = sections(still_needed(every, now))
    version = next_version(_last_version(tools.folder, journal), now)
    serials, keys = sum(len(each.serials) for each in parts), sum(len(each.keys) for each in parts)
    facts: dict[str, Any] = {"version": version, "where": tools.folder.where, "serials": serials, "keys": keys}
    with begun("krl", LANE, facts, journal) as body:
        made = _signed(tools.builder.build(parts, version), tools.signer)
        tools.folder.publish(made)
        record = journal.record(PUBLISHED, LANE, {**body, "key": tools.signer.key_id})
    return Published(
        where=tools.folder.where,
        version=version,
        serials=serials,
        keys=keys,
        size=len(made.krl),
        key=tools.signer.key_id,
        record=record,
    )


def _last_version(folder: KrlFolder, journal: Journal) -> int:
    """The highest that this journal has made. Raises `Inconclusive` where the folder has one that it has not."""
    made = {found for each in journal.log(events=(BEGIN,)) if isinstance(found := each.body.get("version"), int)}
    published = folder.published()
    before = head(published.krl) if published else None
    if before and before.version and before.version not in made:
        raise Inconclusive(
            KrlOfAnotherJournal(folder.where, before.version),
            effect=Effect.NOTHING_CHANGED,
            subject=folder.where,
            hint="restore the newest copy of the journal, or use the one that made it; then",
            remedy=(warden("ssh krl build", dir=folder.where),),
        )
    return max(made, default=0)


def _signed(krl: bytes, signer: Signer) -> SignedKrl:
    signature = signer.sign(signed_bytes(NAMESPACE, krl))
    return SignedKrl(krl=krl, signature=signature_file(NAMESPACE, signer.public_keys()[-1], signature))


def look(host: KrlHost, verifier: KrlVerifier, clock: Clock, max_age: int) -> Pulled:
    """What is in place, whether sshd can read it, and how old it is; nobody is asked and nothing is changed."""
    there, last = host.in_place(), host.last_good()
    damage: Damage = ""
    if not there or not verifier.readable(there):
        damage = "unreadable"
    elif last is not None and last.krl != there:
        damage = "changed"
    return msgspec.structs.replace(_outcome(host, "", "unchanged", clock, max_age), damage=damage)


def pull(host: KrlHost, source: KrlSource, verifier: KrlVerifier, clock: Clock, max_age: int) -> Pulled:
    """Put in place what `source` has, if it is good.

    An error of the source is in the result, since sshd goes on with what it had. Raises `UsageError` where something
    else than a KRL is in place, `Inconclusive` where nothing can be checked or written.
    """
    last = _last_good(host, verifier)
    repair = _repaired(host, last, verifier)
    state: State = "kept"
    refusal: Refusal | None = None
    failed: WardenError | None = None
    try:
        state, refusal = _fetched(host, source, verifier, last)
    except WardenError as fault:
        failed = fault
    return _outcome(host, source.where, state, clock, max_age, repair=repair, refusal=refusal, fault=failed)


def _outcome(
    host: KrlHost,
    url: str,
    state: State,
    clock: Clock,
    max_age: int,
    *,
    repair: Repair = "",
    refusal: Refusal | None = None,
    fault: WardenError | None = None,
) -> Pulled:
    found = head(host.in_place() or b"") or Head(0, 0)
    return Pulled(
        path=host.where,
        url=url,
        state=state,
        head=found,
        age=age_of(found, clock().timestamp()),
        max_age=max_age,
        repair=repair,
        refusal=refusal,
        fault=fault,
    )


def _last_good(host: KrlHost, verifier: KrlVerifier) -> SignedKrl | None:
    """The last good one, if the host still believes who signed it and nobody has changed it.

    Where that cannot be checked, it takes the place of a missing file all the same: only its owner can have written it.
    """
    kept = host.last_good()
    try:
        return kept if kept is not None and verifier.signed(kept) and verifier.readable(kept.krl) else None
    except WardenError:
        if not host.in_place():
            host.install(kept.krl if kept is not None and head(kept.krl) else EMPTY)
        raise


def _repaired(host: KrlHost, last: SignedKrl | None, verifier: KrlVerifier) -> Repair:
    """Have something in place that sshd can read: what is missing or damaged would refuse everybody's key."""
    there = host.in_place()
    if there and not is_krl(there) and last is None:
        raise UsageError(
            NoKrlInPlace(host.where),
            effect=Effect.NOTHING_CHANGED,
            subject=host.where,
            hint="name another file in RevokedKeys and here; what the list revokes, revoke by --key",
        )
    if last is not None and there != last.krl:
        host.install(last.krl)
        return "last-good"
    if last is None and not (there and verifier.readable(there)):
        host.install(EMPTY)
        return "empty"
    return ""


def _fetched(
    host: KrlHost, source: KrlSource, verifier: KrlVerifier, last: SignedKrl | None
) -> tuple[State, Refusal | None]:
    """What became of what the source has. One that is not signed is asked for again: its files may just be replaced."""
    found = source.fetch(last)
    if found is not None and not verifier.signed(found):
        found = source.fetch(None)
    if found is None:
        return "unchanged", None
    if refusal := _refused(found, last, host, verifier):
        return "kept", refusal
    if last is not None and found == last:
        return "unchanged", None
    host.keep(found)
    host.install(found.krl)
    return "unchanged" if last is not None and found.krl == last.krl else "replaced", None


def _refused(found: SignedKrl, last: SignedKrl | None, host: KrlHost, verifier: KrlVerifier) -> Refusal | None:
    if not verifier.signed(found):
        return Refusal("not-signed")
    if not verifier.readable(found.krl):
        return Refusal("not-a-krl")
    return unfit(found, last, host.in_place() or b"")
