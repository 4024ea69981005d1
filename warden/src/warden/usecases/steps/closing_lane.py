"""Closing a lane, stage by stage, as `core.lifecycle.closing` has them: what `deactivate` and `compromise` share.

The journal has the closing before anything here is done. OpenBao comes first; what fails there ends it. Everything
after that is a part of the answer: what could not be done, or shown, is named, and the next run goes on with it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import msgspec

from warden.core.errors import JournalUnwritable, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Delivery, Lane, Workload, WorkloadReader
from warden.core.lifecycle.closed_parts import ClosedParts, ClusterPart
from warden.core.lifecycle.closing import Event, Stage, Step, stages_of, steps_of
from warden.core.plans.lane_plan import LaneOptions, Orphan
from warden.core.plans.plan import Receipt
from warden.ports.journal import Journal
from warden.usecases.context import Context
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.closing_clusters import PATIENCE, ClusterCloser
from warden.usecases.steps.closing_denial import ProbeTools, prove_denied
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.closing_tokens import revoke_tokens
from warden.usecases.steps.orphans import earlier_deliveries
from warden.usecases.steps.recorded import NotRecorded
from warden.usecases.targets.of_lane import openbao_target


class ClosedInJournalOnly(msgspec.Struct, frozen=True):
    """An effect: warden refuses the lane, and OpenBao may still let its readers in."""

    lane: str


class ClosedInBoth(msgspec.Struct, frozen=True):
    """An effect: the lane is closed as it should be, and the change in OpenBao is not in the journal."""

    lane: str


class ClosingNotRecorded(msgspec.Struct, frozen=True):
    """An effect: the lane is closed as it should be, and the journal cannot be written any more."""

    lane: str


class ClosingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a lane is closed.

    Attributes:
        take_over: what is not marked as ours is the lane's all the same.
        keep_secrets: what is in the clusters stays, consumers included.
        denial: what former readers are played with; without it nothing is shown of them.
        started: when the command began (`time.monotonic`).
        patience: seconds for what was deleted to be gone.
    """

    take_over: bool = False
    keep_secrets: bool = False
    denial: ProbeTools | None = None
    started: float = 0.0
    patience: float = PATIENCE


def deliveries_of(lane: Lane, context: Context) -> tuple[DeliveryTarget, ...]:
    """The lane's deliveries to connected clusters, and those that it had before its file was changed."""
    earlier = tuple(_earlier(lane, each, context) for each in earlier_deliveries(lane, context))
    return (*context.deliveries(lane, LaneOptions()), *earlier)


def planned(
    event: Event, lane: Lane, context: Context, *, keep_secrets: bool = False, replace: bool = False
) -> tuple[Step, ...]:
    """The steps that would be taken; nobody is asked."""
    return steps_of(event, lane, deliveries_of(lane, context), keep_secrets=keep_secrets, replace=replace)


class LaneCloser:
    """Takes the stages of one closing; ``receipt`` and ``parts`` are what came of them.

    Args:
        further: what `compromise` does at stages that `deactivate` has not.
    """

    def __init__(
        self,
        lane: Lane,
        context: Context,
        records: StepRecords,
        options: ClosingOptions,
        further: Mapping[Stage, Callable[[], None]] | None = None,
    ) -> None:
        self.receipt: Receipt | None = None
        self.parts = ClosedParts()
        self._lane = lane
        self._context = context
        self._records = records
        self._options = options
        self._further = further or {}

    def run(self, event: Event) -> None:
        """Every stage in its order, but for the record, which comes before.

        Raises:
            Foreign, Held, Inconclusive, Refused: OpenBao could not be changed; the error's effect says so.
            JournalUnwritable: nothing more is done.
        """
        targets = deliveries_of(self._lane, self._context)
        for stage, cluster in stages_of(steps_of(event, self._lane, targets, keep_secrets=self._options.keep_secrets)):
            with effect_of_journal(self._lane.id) if self.receipt else nullcontext():
                self._take(stage, [each for each in targets if each.cluster == cluster])

    def _take(self, stage: Stage, targets: list[DeliveryTarget]) -> None:
        if stage in self._further:
            self._further[stage]()
        elif stage == "openbao":
            self.receipt = self._close_openbao()
        elif stage == "tokens":
            self._set(tokens=revoke_tokens(self._lane, self._context, self._records, self._policies()))
        elif stage == "denial":
            self._set(
                denial=prove_denied(
                    self._lane, self._context, self._options.denial, self._records, self._options.started
                )
            )
        elif stage == "cluster":
            self._close_cluster(targets)

    def _close_openbao(self) -> Receipt:
        try:
            with self._context.alone("warden deactivate"):
                return close_openbao(self._lane, self._context, take_over=self._options.take_over)
        except WardenError as fault:
            if not isinstance(fault.effect, ClosedInBoth):
                fault.effect = ClosedInJournalOnly(self._lane.id)
            raise

    def close_clusters(self) -> None:
        """Those alone."""
        targets = deliveries_of(self._lane, self._context)
        for cluster in dict.fromkeys(each.cluster for each in targets):
            self._close_cluster([each for each in targets if each.cluster == cluster])

    def _close_cluster(self, targets: list[DeliveryTarget]) -> None:
        closer = ClusterCloser(
            self._context, self._records, take_over=self._options.take_over, patience=self._options.patience
        )
        self._set(clusters=(*self.parts.clusters, *(closer.close(each) for each in targets)))

    def _policies(self) -> frozenset[str]:
        """The policies that were deleted just now, the lane's earlier ones included."""
        changed = self.receipt.changed if self.receipt else ()
        return frozenset(each.name for each in changed if each.kind == "policy" and each.action == "delete")

    def _set(self, **parts: Any) -> None:
        self.parts = msgspec.structs.replace(self.parts, **parts)


def close_openbao(lane: Lane, context: Context, *, take_over: bool) -> Receipt:
    """Take the lane's policy out of its roles, delete it, and mark the path; who calls it holds the lock."""
    try:
        options = LaneOptions(take_over=take_over, yes=True)
        return apply_target(openbao_target(lane, context, options), context.journal, options)
    except WardenError as fault:
        done = isinstance(fault.effect, NotRecorded)
        fault.effect = ClosedInBoth(lane.id) if done else ClosedInJournalOnly(lane.id)
        raise


@contextmanager
def effect_of_journal(lane: str) -> Iterator[None]:
    """Have a journal that fails in here say that the lane is closed."""
    try:
        yield
    except JournalUnwritable as fault:
        fault.effect = ClosingNotRecorded(lane)
        raise


def announced(reason: str, context: Context, steps: tuple[Step, ...]) -> dict[str, Any]:
    """What the journal says before anything is done: every step, with what it is about."""
    return {"reason": reason, "system": context.vault.address, "steps": [msgspec.to_builtins(each) for each in steps]}


def ended(parts: ClosedParts) -> dict[str, Any]:
    """What the journal keeps of the parts: names and numbers."""
    return {
        "complete": parts.exit == 0,
        "revoked": len(parts.tokens.revoked),
        "denied": parts.denial.is_proven,
        "ms": parts.denial.ms,
        "clusters": {each.cluster: _summary(each) for each in parts.clusters},
    }


def _summary(part: ClusterPart) -> dict[str, Any]:
    return {
        "objects": {str(each.ref): each.state for each in part.objects},
        "consumers": {each.deployment: each.state for each in part.consumers},
        **({"fault": part.fault.kind} if part.fault else {}),
    }


def settle_closings(lane: str, journal: Journal) -> None:
    """End, in the journal, the closings that were killed: this run takes every one of their steps again."""
    from warden.core.journal.operations import abandoned, killed

    unfinished = journal.unfinished(lane)
    records = [each for one in ("deactivate", "compromise", "reactivate") for each in killed(unfinished, one)]
    if records:
        journal.record_all([abandoned(each, found="taken-again") for each in records])


def _earlier(lane: Lane, orphan: Orphan, context: Context) -> DeliveryTarget:
    """A delivery that the file no longer has, as far as its objects need it; its consumers are not known."""
    return DeliveryTarget(
        lane=msgspec.structs.replace(lane, consumers=()),
        cluster=orphan.cluster,
        declared=context.clusters.declared[orphan.cluster],
        delivery=Delivery(external_secret=f"{orphan.namespace}/{orphan.name}"),
        reader=WorkloadReader(workload=Workload(orphan.namespace, "default")),
    )
