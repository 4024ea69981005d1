"""reactivate: open a closed lane again, with a fresh proof before it counts as open.

    open in OpenBao, still marked -> deliver -> prove -> restore consumers -> remove the mark -> record

Until the proof holds, the mark stays and the journal has the closing: every warden refuses the lane, and only its
declared readers get in. If the proof does not hold, or an error ends it, the lane is closed again.
"""

import datetime as dt
from contextlib import suppress

import msgspec

from warden.core.changes.approval import Approval
from warden.core.errors import Effect, Exit, JournalUnwritable, NotNow, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.journal.record import Record
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane, WorkloadReader
from warden.core.lifecycle.closed_parts import ClusterPart
from warden.core.lifecycle.leaks import reopening
from warden.core.lifecycle.reopening import Gate, gate, needs_new_value
from warden.core.notices.told import opened
from warden.core.plans.lane_plan import ApprovedBy, LaneOptions, NotAgreed, Unreached
from warden.core.plans.plan import Receipt
from warden.core.proofs.verdict import Proof
from warden.core.remedies import warden
from warden.ports.journal import Journal
from warden.usecases.apply import apply_delivery
from warden.usecases.context import Context
from warden.usecases.plan import plan_delivery
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.approval import approval_for, finish, protected_by
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing import mark_there
from warden.usecases.steps.closing_clusters import ClusterCloser
from warden.usecases.steps.closing_denial import ProbeTools
from warden.usecases.steps.closing_lane import (
    ClosingOptions,
    LaneCloser,
    announced,
    close_openbao,
    planned,
    settle_closings,
)
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.recorded import NotRecorded, after_earlier_steps, begun, effect_so_far
from warden.usecases.targets import Target
from warden.usecases.targets.of_lane import openbao_target


class NotClosed(msgspec.Struct, frozen=True):
    """A lane that is to be opened is open."""

    lane: str


class NewValueNeeded(msgspec.Struct, frozen=True):
    """The lane was closed because its value became known (by that record of the journal), and still has that value."""

    lane: str
    record: int


class ClosedAgain(msgspec.Struct, frozen=True):
    """Somebody closed the lane again while it was being opened; that closing stands."""

    lane: str
    reason: str
    record: int


class ChangedMeanwhile(msgspec.Struct, frozen=True):
    """What was proven is not what is in OpenBao any more; somebody changed it while the lane was being opened."""

    lane: str


class Opened(msgspec.Struct, frozen=True):
    """An effect: the lane is as declared in OpenBao; ``closed_here``: warden still refuses it."""

    lane: str
    closed_here: bool = False


class StaysClosed(msgspec.Struct, frozen=True):
    """An effect: the lane is closed as before; ``openbao`` says whether OpenBao refuses its readers again, too."""

    lane: str
    openbao: bool


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What came of opening a lane: its proof, and whether it is open; ``record`` is the journal's.

    ``delivered`` is what was made in each cluster, ``clusters`` what became of its consumers. ``reclosed`` is whether
    OpenBao refuses its readers again where the proof did not hold; not so where another machine has opened it.
    """

    lane: str
    receipt: Receipt
    proof: Proof
    gate: Gate
    record: int
    opened: bool
    reclosed: bool = False
    delivered: tuple[Receipt | Unreached, ...] = ()
    clusters: tuple[ClusterPart, ...] = ()
    by_hand: tuple[DeliveryTarget, ...] = ()
    approved: ApprovedBy | None = None
    checkpoint: Signed | NotSigned | None = None

    @property
    def exit(self) -> Exit:
        """Open; otherwise no, or inconclusive, as the proof says."""
        if self.opened:
            return Exit.DONE
        wrong = any(each.result == "wrong" for each in self.gate.against)
        return Exit.NO if wrong else Exit.INCONCLUSIVE


def reactivate(lane: Lane, reason: str, context: Context, options: LaneOptions, tools: ProbeTools) -> Opening:
    """Open it, prove it, and record the opening; or close it again.

    Raises:
        NotNow: the lane is not closed, needs a new value first, or was closed again meanwhile.
        NotApproved: the lane is protected, and no approved change request asks for exactly this reactivation.
        NotAgreed: opening it would take access from somebody else, and `options` do not agree to that.
        Foreign, Held, Inconclusive, Refused: it stays closed; the effect says whether OpenBao refuses again.
    """
    before = context.journal.state(lane.id).closed
    _expect_reopenable(lane, before, context)
    if isinstance(tools.audit, WardenError):
        raise tools.audit
    settle_closings(lane.id, context.journal)
    approval = _approval(lane, context, options)
    steps = planned("reactivate", lane, context)
    with begun("reactivate", lane.id, announced(reason, context, steps), context.journal) as done:
        given = _Given(
            lane=lane,
            reason=reason,
            context=context,
            options=options,
            tools=tools,
            before=before,
            begin=done["begin"],
            approval=approval,
        )
        return _Reopening(given).run()


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a lane is opened with; ``before`` is the closing that the journal has, ``begin`` the record it began by."""

    lane: Lane
    reason: str
    context: Context
    options: LaneOptions
    tools: ProbeTools
    before: Record | None
    begin: int
    approval: Approval | None


class _Reopening:
    def __init__(self, given: _Given) -> None:
        self._lane, self._context, self._options = given.lane, given.context, given.options
        self._reason, self._tools = given.reason, given.tools
        self._before, self._begin, self._approval = given.before, given.begin, given.approval
        self._records = StepRecords("reactivate", given.lane.id, given.begin, given.context.journal)
        self._targets = given.context.deliveries(given.lane, LaneOptions())

    def run(self) -> Opening:
        with self._context.alone("warden reactivate"):
            who = self._context.vault.identity().as_json()  # what may fail comes before anything is opened
            target = openbao_target(self._lane, self._context, self._options, opened=True, marked=True)
            receipt = self._opened(target)
        try:
            with after_earlier_steps():
                return self._proven(receipt, who)
        except (WardenError, KeyboardInterrupt) as fault:
            self._close_after(fault)
            raise

    def _proven(self, receipt: Receipt, who: dict[str, str]) -> Opening:
        delivered = tuple(
            apply_delivery(each, self._context, self._options, self._approval, before=True)
            for each in self._targets
            if not each.by_hand
        )
        proof = self._prove()
        found = gate(proof)
        result = Opening(
            lane=self._lane.id,
            receipt=receipt,
            proof=proof,
            gate=found,
            record=0,
            opened=found.holds,
            delivered=delivered,
            approved=self._approval.quoted if self._approval else None,
            by_hand=tuple(each for each in self._targets if each.by_hand),
        )
        if not found.holds:
            return self._closed_again(result)
        closer = ClusterCloser(self._context, self._records)
        clusters = tuple(closer.restore(each) for each in self._targets)
        record = self._unmarked(proof, who)
        signature = checkpoint(self._context, "opening", self._lane.id)
        self._context.notices.tell(opened(self._lane.id, who["display_name"], record, self._reason))
        return msgspec.structs.replace(result, clusters=clusters, record=record, checkpoint=signature)

    def _opened(self, target: Target) -> Receipt:
        try:
            return apply_target(target, self._context.journal, self._options, self._approval)
        except NotAgreed as fault:
            take_over = self._options.take_over
            again = warden("reactivate", self._lane.id, reason=self._reason, take_over=take_over, yes=True)
            fault.remedy = (again,)
            raise
        except JournalUnwritable as fault:
            if isinstance(fault.effect, NotRecorded):
                fault.effect = NotRecorded(Opened(self._lane.id, closed_here=True))
            raise

    def _prove(self) -> Proof:
        assert not isinstance(self._tools.audit, WardenError)  # noqa: S101 - asked before
        options = ProveOptions(
            run=self._tools.run,
            own=self._tools.own,
            opening=frozenset({self._lane.id}),
            inspect=any(isinstance(each, WorkloadReader) for each in self._lane.readers),
            workers=1,
        )
        (proof,) = prove([self._lane], self._context, self._tools.identities, self._tools.audit, options)
        return proof

    def _unmarked(self, proof: Proof, who: dict[str, str]) -> int:
        """Only the mark may be left to remove: whatever else differs now is not what was proven."""
        with self._context.alone("warden reactivate"):
            _expect_not_closed_again(self._lane, self._before, self._context.journal)
            left = openbao_target(self._lane, self._context, self._options, opened=True, marked=True).plan()
            if left.to_change:
                raise NotNow(
                    ChangedMeanwhile(self._lane.id), subject=self._lane.id, remedy=(warden("status", self._lane.id),)
                )
            target = openbao_target(self._lane, self._context, self._options, opened=True)
            self._opened(target)
            with effect_so_far(Opened(self._lane.id, closed_here=True)):
                body = {
                    "reason": self._reason,
                    "system": self._context.vault.address,
                    "identity": who,
                    "proof": proof.record,
                    **(self._approval.facts if self._approval else {}),
                }
                done = {"begin": self._begin, "proof": proof.record, "opened": True}
                numbers = self._context.journal.record_all(
                    [("reactivate.done", self._lane.id, done), ("lane.opened", self._lane.id, body)]
                )
            if self._approval is not None:
                finish(self._approval, self._lane, self._context)
        return numbers[-1]

    def _closed_again(self, result: Opening) -> Opening:
        with self._context.alone("warden reactivate"):
            closed = close_openbao(self._lane, self._context, take_over=self._options.take_over).closed
        closer = LaneCloser(self._lane, self._context, self._records, ClosingOptions())
        if closed:  # otherwise another machine has opened it, and its deliveries are not ours to remove
            closer.close_clusters()
        body = {"begin": self._begin, "proof": result.proof.record, "opened": False}
        record = self._context.journal.record("reactivate.done", self._lane.id, body)
        return msgspec.structs.replace(result, record=record, reclosed=closed, clusters=closer.parts.clusters)

    def _close_after(self, fault: BaseException) -> None:
        """OpenBao refuses again, as far as that can be done now; the mark and the journal have refused all along."""
        done = False
        with suppress(WardenError, KeyboardInterrupt), self._context.alone("warden reactivate"):
            if mark_there(self._lane, self._context.vault) is not None:
                close_openbao(self._lane, self._context, take_over=self._options.take_over)
                done = True
        if isinstance(fault, WardenError) and not isinstance(fault.effect, NotRecorded):
            fault.effect = StaysClosed(self._lane.id, openbao=done)


def _approval(lane: Lane, context: Context, options: LaneOptions) -> Approval | None:
    """The approval of the whole reactivation, of whose steps each does a part; ``None`` where none is needed."""
    target = openbao_target(lane, context, options, opened=True)
    plans = [target.plan()]
    if not protected_by(lane, target.custom):
        return None
    for each in context.deliveries(lane, LaneOptions()):
        part = plan_delivery(each, context, options)
        if isinstance(part, Unreached):
            part.fault.effect = Effect.NOTHING_CHANGED
            raise part.fault
        plans.append(part)
    found = approval_for(lane, plans, target.custom, context, reopening=True)
    return msgspec.structs.replace(found, begun=True) if found else None


def _expect_reopenable(lane: Lane, before: Record | None, context: Context) -> None:
    if before is None and mark_there(lane, context.vault) is None:
        raise NotNow(
            NotClosed(lane.id),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=(warden("status", lane.id),),
        )
    try:
        metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        metadata = None
    if before is None:
        return
    puts = context.journal.log(lane=lane.id, events=("put.done",), after=before.seq)
    if needs_new_value(before, puts, metadata, dt.datetime.now(dt.UTC)):
        raise NotNow(
            NewValueNeeded(lane.id, before.seq),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=reopening(lane.id, lane.custody.fields, new_value=True),
        )


def _expect_not_closed_again(lane: Lane, before: Record | None, journal: Journal) -> None:
    """A closing that came meanwhile wins: whoever closed it was told that the journal refuses it."""
    after = journal.state(lane.id).closed
    if after is not None and (before is None or after.seq != before.seq):
        raise NotNow(
            ClosedAgain(lane.id, str(after.body.get("reason") or ""), after.seq),
            subject=lane.id,
            remedy=(warden("deactivate", lane.id, reason="TEXT"),),
        )
