"""The records around the proofs of a run: one before the first probe of a lane, one after its proof or failure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from warden.core.errors import JournalUnwritable, failure_kind
from warden.core.lanes.lane import Lane
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.routes.proof_summary import Advice, DeliverySummary, NotOk, ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route
from warden.ports.journal import Journal
from warden.usecases.steps.members import records_of
from warden.usecases.steps.recorded import effect_so_far


class Probed(msgspec.Struct, frozen=True):
    """The probes of a lane were sent."""

    lane: str


class ProofRecords:
    """Remembers of each lane the number of the record by which its proof began.

    `run` is the beginning of every nonce, `who` the server and the caller.
    """

    def __init__(self, journal: Journal, run: str, who: Mapping[str, Any]) -> None:
        self._journal = journal
        self._run = run
        self._who = who
        self._begun: dict[str, int] = {}

    def begin(self, lane: str, body: Mapping[str, Any]) -> None:
        """Before anything is asked. Raises `JournalUnwritable`."""
        self._begun[lane] = self._journal.record("probe.begin", lane, {**self._who, **body})

    def announce_inspection(self, lane: str, body: Mapping[str, Any]) -> None:
        """Before a reader fetches the value to look at it. Raises `JournalUnwritable`."""
        self._journal.record("value.read", lane, {**self._who, **body})

    def end(
        self, lane: Lane, proof: Proof, measured: Sequence[Verdict], deliveries: dict[str, DeliverySummary]
    ) -> Proof:
        """Each verdict that was `measured`, and the proof, which is answered with its number.

        Raises `JournalUnwritable`; then the lane was probed all the same.
        """
        records = [*(("probe", lane.id, each.facts) for each in measured), *records_of(lane, measured, self._who)]
        begun = {"begin": self._begun[lane.id]} if lane.id in self._begun else {}
        if proof.scope != "member":  # a member's own proof says nothing of the rest of the lane
            records.append(("proof", lane.id, as_record(self._summary(lane, proof, measured, deliveries)) | begun))
        elif begun:
            records.insert(len(measured), ("probe.done", lane.id, begun))
        with effect_so_far(Probed(lane.id)):
            numbers = self._journal.record_all(records)
        self._begun.pop(lane.id, None)
        return msgspec.structs.replace(proof, record=numbers[-1] if numbers else 0)

    def _summary(
        self, lane: Lane, proof: Proof, measured: Sequence[Verdict], deliveries: dict[str, DeliverySummary]
    ) -> ProofSummary:
        first = proof.first_to_fix
        return ProofSummary(
            state=proof.state,
            passed=proof.passed,
            failed=proof.failed,
            inconclusive=proof.inconclusive,
            total=len(proof.verdicts),
            evidence=sum(bool(verdict.audit) for verdict in measured),
            run=self._run,
            scope=proof.scope,
            system=proof.system,
            declared=declaration(declared_route(lane)),
            inspected=proof.inspected,
            deliveries=deliveries,
            not_ok=tuple(
                NotOk(
                    probe=each.probe,
                    reader=each.reader,
                    cluster=each.cluster,
                    result=each.result,
                    subject=each.subject,
                    stretch=each.stretch,
                    remedy=each.remedy if each.result == "wrong" else (),
                )
                for each in proof.verdicts
                if each.result != "ok"
            ),
            next=Advice(stretch=first.stretch, remedy=first.remedy) if first else None,
        )

    @contextmanager
    def failure_recorded(self) -> Iterator[None]:
        """Record of each lane that was being proven that it was not, if an error ends it in here."""
        try:
            yield
        except JournalUnwritable:
            raise
        except BaseException as fault:
            kind = failure_kind(fault)
            ends = [("probe.failed", lane, {"begin": begin, "kind": kind}) for lane, begin in self._begun.items()]
            with suppress(JournalUnwritable):  # the error that ended it is the one to report
                self._journal.record_all(ends)
            raise
