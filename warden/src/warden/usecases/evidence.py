"""evidence pack and evidence verify: what the journal, the files and the audit log say of lanes, signed for others.

journal (walked as a whole) -> records of the lanes -> proofs with their audit lines -> statements -> signatures
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from warden.core.errors import Effect, Inconclusive, Missing
from warden.core.evidence.period import Period
from warden.core.evidence.selection import Selected, is_of, selected
from warden.core.evidence.statements import (
    Contents,
    Kept,
    LinkedRow,
    Statement,
    TextFile,
    contents,
    linked,
    of_file,
    sealed,
    signed_bytes,
)
from warden.core.evidence.verification import PackVerdict, verdict
from warden.core.journal.checkpoints import EVENT as CHECKPOINT
from warden.core.journal.verification import Verification
from warden.core.remedies import warden
from warden.ports.audit_history import AuditHistory
from warden.ports.journal import Journal
from warden.ports.signer import Signer, Verifier
from warden.usecases.change import Shown
from warden.usecases.journal_verify import Keys, verify


class JournalBroken(msgspec.Struct, frozen=True):
    """The journal at `path` is not what it was, so nothing is signed that rests on it."""

    path: str


class NoEvidence(msgspec.Struct, frozen=True):
    """The journal has no record of these lanes, or none in the period."""

    lanes: tuple[str, ...]
    period: str


class RequestFile(msgspec.Struct, frozen=True, kw_only=True):
    """A change request and its file."""

    file: TextFile
    shown: Shown


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack is made of, beside the journal and the audit log. ``lanes``: id -> its file."""

    lanes: Mapping[str, TextFile]
    requests: Sequence[RequestFile]
    allowed_signers: str


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, as the lines of its file, and what is in it."""

    lines: tuple[bytes, ...]
    contents: Contents
    selected: Selected
    requests: int
    audit_lines: int


def pack(
    material: Material,
    period: Period | None,
    journal: Journal,
    keys: Keys,
    *,
    signer: Signer,
    history: AuditHistory,
) -> Pack:
    """Make the pack of these lanes.

    Raises:
        Inconclusive: the journal does not verify; nothing is signed.
        Missing: there is no record to pack.
        JournalUnwritable: the journal cannot be read.
        UsageError, Refused: as `Signer` says.
    """
    verified = _verified(journal, keys)
    head = verified.chain.head
    rows = [each for each in linked(journal.rows()) if each.row.seq <= head.seq and _wanted(each, material, period)]
    if not any(each.row.lane in material.lanes for each in rows):
        raise _none(material, period, journal)
    found = selected(rows)
    kept = _audit_lines(found, history)
    facts = Contents(
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        lanes=tuple(material.lanes),
        period=str(period or ""),
        journal=journal.origin(),
        head=str(head),
        signed=verified.signed,
        audit=kept.why,
        key=signer.key_id,
    )
    requests = [each for each in material.requests if period is None or is_of(each.shown.request, period)]
    statements = [*_files(material, requests), *found.statements(kept.lines)]
    every = [contents(facts, statements), *statements]
    lines = tuple(sealed(each, facts.key, signer.sign(signed_bytes(each.payload))) for each in every)
    return Pack(lines=lines, contents=facts, selected=found, requests=len(requests), audit_lines=len(kept.lines))


def _verified(journal: Journal, keys: Keys) -> Verification:
    found = verify(journal, keys).verification
    if found.broken:
        raise Inconclusive(
            JournalBroken(journal.path),
            effect=Effect.NOTHING_WRITTEN,
            system="journal",
            subject=journal.path,
            remedy=(warden("journal verify"),),
        )
    return found


def _none(material: Material, period: Period | None, journal: Journal) -> Missing:
    return Missing(
        NoEvidence(tuple(material.lanes), str(period or "")),
        effect=Effect.NOTHING_WRITTEN,
        system="journal",
        subject=journal.path,
        remedy=(warden("journal log"),),
    )


def check(lines: Sequence[bytes], verifier: Verifier) -> PackVerdict:
    """Whether a pack holds, by these public keys alone: nothing is asked."""
    return verdict(lines, verifier.ids, verifier.holds)


def _wanted(each: LinkedRow, material: Material, period: Period | None) -> bool:
    """Records of the lanes in the period, and the checkpoints from its first day on, which cover them."""
    row = each.row
    if row.event == CHECKPOINT:
        return period is None or row.at[:10] >= period.first.isoformat()
    return row.lane in material.lanes and (period is None or period.holds(row.at))


def _audit_lines(found: Selected, history: AuditHistory) -> Kept:
    runs = frozenset(each.run for each in found.proofs if each.run)
    return history.kept(runs) if runs else Kept(())


def _files(material: Material, requests: Sequence[RequestFile]) -> list[Statement]:
    made = [of_file("lane", file, lane=lane) for lane, file in material.lanes.items()]
    made += [
        of_file(
            "change-request",
            each.file,
            lane=each.shown.request.lane,
            status=each.shown.status,
            allowed_signers=material.allowed_signers,
        )
        for each in requests
    ]
    return made
