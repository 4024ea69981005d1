"""prove, of how a value is kept: what is looked at before anything is sent, and what is concluded at the end."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from warden.core.access.value_check import Doubt
from warden.core.clusters.clear_text import parts_of
from warden.core.errors import WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Handed
from warden.core.proofs.custody_checks import CustodyObservation, is_silenced, is_withheld, judge_custody
from warden.core.proofs.details import FieldDoubts, HeldBack, NobodyInspects, ValuesDoubtful
from warden.core.proofs.inspection import (
    Copies,
    Hashed,
    Inspection,
    accepted,
    accepted_versions,
    copies_by_hash,
    foreign_metadata,
    metadata_verdict,
    put_again,
)
from warden.core.proofs.probe_verdicts import Outcome, may_read
from warden.core.proofs.probes import Probe, inspecting
from warden.core.proofs.verdict import Verdict
from warden.core.rotation.mark import is_rotations
from warden.core.secret import Secret
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.steps.probe_sender import ProbeSender
from warden.usecases.steps.proof_records import ProofRecords
from warden.usecases.targets.openbao import OpenBaoTarget, SharedAnswers

MOST_TEXTS = 60
"""Texts of one path's metadata that are hashed to be compared; each is a request."""


class ObservedCustody(msgspec.Struct, frozen=True, kw_only=True):
    """How a lane's value is kept.

    Attributes:
        verdicts: on each setting.
        foreign: the path's custom metadata beside our own marks.
        marks: the keys of our own marks.
        hashed: the keyed hashes of what is in it; ``None`` where they were not made.
        version: the newest version.
    """

    verdicts: tuple[Verdict, ...] = ()
    foreign: Mapping[str, str] = {}
    marks: frozenset[str] = frozenset()
    hashed: Mapping[str, Hashed] | None = None
    version: int = 0

    @property
    def strange(self) -> Mapping[str, str]:
        """What of it nobody declares; `apply` and rotations write their marks anew, and remove a role's."""
        return {
            key: text
            for key, text in self.foreign.items()
            if key not in self.marks and not key.startswith("auth/") and not is_rotations(key)
        }

    @property
    def silenced(self) -> bool:
        """Whether no probe may be sent."""
        return is_silenced(self.verdicts)

    @property
    def withheld(self) -> bool:
        """Whether no value may be fetched."""
        return is_withheld(self.verdicts)


def observe_custody(lane: Lane, target: OpenBaoTarget, vault: Vault, answers: SharedAnswers) -> ObservedCustody:
    """Look at path, mount and audit devices; `target` has just compared the lane."""
    seen = CustodyObservation(
        metadata=target.metadata,
        mount=answers.mount(lane.custody.mount, vault),
        config=answers.config(lane.custody.mount, vault),
        devices=answers.devices(vault),
        headers=answers.headers(vault),
    )
    custom = target.metadata.custom if target.metadata else {}
    return ObservedCustody(
        verdicts=judge_custody(lane, seen),
        foreign=foreign_metadata(custom, target.marks),
        marks=frozenset(target.marks),
        version=target.metadata.current if target.metadata else 0,
    )


def with_hashes(custody: ObservedCustody, vault: Vault, device: str) -> ObservedCustody:
    """The same, with what the audit log has of each text if it is the value; as it is where that cannot be had."""
    if not custody.foreign or custody.withheld:
        return custody
    texts = {key: (parts_of(text), parts_of(key)) for key, text in custody.foreign.items()}
    if sum(len(each) for pair in texts.values() for each in pair) > MOST_TEXTS:
        return custody
    try:
        hashed = {
            key: Hashed(text=_hashes(text, vault, device), key=_hashes(own, vault, device))
            for key, (text, own) in texts.items()
        }
    except WardenError:
        return custody
    return msgspec.structs.replace(custody, hashed=hashed)


def _hashes(texts: Iterable[str], vault: Vault, device: str) -> frozenset[str]:
    return frozenset(vault.audit_hash(device, Secret(each)) for each in texts)


def inspect(
    lane: Lane,
    sent: Sequence[tuple[Probe, Outcome]],
    sender: ProbeSender,
    nonce: str,
    custody: ObservedCustody,
    *,
    records: ProofRecords,
) -> tuple[tuple[Probe, Outcome], ...]:
    """Have the first reader that may read fetch the value, once the journal has that it will be looked at.

    Nothing is sent where no reader may read. Raises `JournalUnwritable`.
    """
    reads = next((probe for probe, each in sent if probe.id == "reads" and may_read(each)), None)
    if reads is None:
        return ()
    probe = inspecting(lane, reads)
    what = {"reader": probe.reader, "path": lane.custody.path, "fields": list(lane.custody.fields), "nonce": nonce}
    records.announce_inspection(lane.id, what)
    return ((probe, sender.inspect(probe, nonce, custody.foreign)),)


def not_inspected(custody: ObservedCustody, *, wanted: bool) -> tuple[Verdict, ...]:
    """That the value was to be looked at, and was not."""
    if not wanted:
        return ()
    detail = HeldBack() if custody.withheld else NobodyInspects()
    return (Verdict(probe="value-form", result="inconclusive", observed="not-seen", detail=detail),)


def conclude_custody(
    lane: Lane, custody: ObservedCustody, sent: Sequence[tuple[Probe, Outcome]], handed: Sequence[Handed]
) -> tuple[Verdict, ...]:
    """What can be said of the value's copies and structure, once everything was asked and the audit log was read."""
    inspection = _inspection_in(sent)
    found = () if inspection is not None else tuple(_structures(lane, sent))
    copies = _copies(custody, inspection, handed)
    if not custody.foreign or (copies is None and not custody.strange):
        return found
    return (*found, metadata_verdict(lane, custody.strange, copies))


def _copies(custody: ObservedCustody, inspection: Inspection | None, handed: Sequence[Handed]) -> Copies | None:
    if inspection is not None:
        return inspection.copies
    newest = [each.hashes for each in handed if each.version >= custody.version]
    if custody.hashed is None or not newest:
        return None
    return copies_by_hash(custody.hashed, newest)


def _inspection_in(sent: Sequence[tuple[Probe, Outcome]]) -> Inspection | None:
    for probe, outcome in sent:
        found = outcome.answer.body.get("inspection") if probe.id == "value-form" and outcome.answer else None
        if isinstance(found, Inspection):
            return found
    return None


def _structures(lane: Lane, sent: Sequence[tuple[Probe, Outcome]]) -> Iterable[Verdict]:
    """A field that holds fields is seen without its value: ``subkeys`` names those inside."""
    for probe, outcome in sent:
        if probe.id != "live-version" or outcome.answer is None:
            continue
        subkeys = (outcome.answer.body.get("data") or {}).get("subkeys") or {}
        nested = [field for field in lane.custody.fields if isinstance(subkeys.get(field), Mapping)]
        if nested:
            detail = ValuesDoubtful(tuple(FieldDoubts(field, (Doubt.NOT_TEXT,)) for field in nested))
            remedy = put_again(lane, detail)
            yield Verdict(probe="value-form", result="wrong", observed="doubtful", detail=detail, remedy=remedy)


def with_accepted(lane: Lane, verdicts: Sequence[Verdict], journal: Journal) -> tuple[Verdict, ...]:
    """The verdicts; what is doubtful about a form is accepted where it was put ``--as-is`` like this."""
    if not any(each.probe == "value-form" and each.result == "wrong" for each in verdicts):
        return tuple(verdicts)
    puts = journal.here(journal.log(lane=lane.id, events=("put.done",)))
    by_version = accepted_versions((record.seq, record.body) for record in puts)
    return tuple(accepted(each, by_version) if each.probe == "value-form" else each for each in verdicts)
