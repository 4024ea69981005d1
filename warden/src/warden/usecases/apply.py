"""apply: make OpenBao and the clusters what a lane declares; idempotent, and safe to be killed and run again.

On each target the order is the plan's: what takes access away comes first, what gives it last. OpenBao comes before the
clusters. A plan with nothing left, asked for again afterwards, is what counts as applied.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import msgspec

from warden.core.changes.approval import Approval
from warden.core.errors import Effect, Foreign, Inconclusive, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.openbao.refill import refill
from warden.core.plans.lane_plan import (
    ConsentNeeded,
    LaneOptions,
    LaneReceipt,
    NotAgreed,
    Unreached,
    apply_again,
    needing_consent,
)
from warden.core.plans.plan import AuthMountMissing, Change, NotMarked, Plan, Receipt, System
from warden.core.remedies import Remedy, RunBao, warden
from warden.ports.journal import Journal
from warden.usecases.context import Context
from warden.usecases.plan import cluster_target, openbao_target, plan_delivery, unreached
from warden.usecases.steps.approval import (
    approval_for,
    expect_approved,
    finish,
    follow_partly,
    protected_by,
)
from warden.usecases.steps.killed_operations import end_killed_apply, end_killed_changes
from warden.usecases.steps.orphans import orphans_of
from warden.usecases.steps.recorded import after_earlier_steps, begun, effect_so_far
from warden.usecases.targets import Target
from warden.usecases.targets.openbao import OpenBaoTarget


class Blocked(msgspec.Struct, frozen=True):
    """Objects that `apply` must not touch; each has its obstacle."""

    system: System
    changes: tuple[Change, ...]


class StillDiffers(msgspec.Struct, frozen=True):
    """A target does not show what was written to it; somebody else may be changing it."""

    system: System
    changes: tuple[Change, ...]


class Applied(msgspec.Struct, frozen=True):
    """An effect: the lane is as declared on that target."""

    lane: str
    system: System


def apply(lane: Lane, context: Context, options: LaneOptions) -> LaneReceipt:
    """Apply the whole lane. A cluster that fails is a part of the answer, and the next one is tried.

    Raises:
        NotAgreed: something would be removed or taken over that the options do not agree to; nothing was changed.
        NotApproved: the lane is protected, and no approved change request lets exactly this plan be applied.
        Foreign: an object of a derived name is not ours, an auth mount is missing, or a Secret that is declared as made
            by hand is not; nothing was changed.
        Inconclusive, Refused: OpenBao could not be asked, or does not show what was written.
        JournalUnwritable: nothing was changed, unless its effect says otherwise.
    """
    deliveries = context.deliveries(lane, options)
    shut = lane.id in context.closed
    by_hand = [] if shut else [plan_delivery(each, context, options) for each in deliveries if each.by_hand]
    for part in by_hand:
        if isinstance(part, Plan):
            expect_unblocked(part)
    target = openbao_target(lane, context, options)
    first = target.plan()
    end_killed_changes(lane.id, context.requests, context.journal)
    approval = _approval(target, first, lane, context, options)
    openbao = apply_target(target, context.journal, options, approval, first=first)
    closed = openbao.closed
    parts: list[Receipt | Unreached] = [openbao]
    if not closed:
        for each in deliveries:
            if not each.by_hand:
                before = any(isinstance(part, Receipt) and part.changed for part in parts)
                parts.append(apply_delivery(each, context, options, approval, before=before))
    complete = not any(isinstance(part, Unreached) for part in parts)
    if approval is not None:
        if complete:
            finish(approval, lane, context)
        else:
            follow_partly(approval, context)
    return LaneReceipt(
        lane=lane.id,
        parts=tuple(parts),
        by_hand=tuple(part for part in by_hand if isinstance(part, Plan)),
        not_connected=context.not_connected(lane),
        orphans=() if options.custody_only else orphans_of(lane, context),
        former_paths=tuple(path for part in parts if isinstance(part, Receipt) for path in part.former_paths),
        closed=closed,
        approved=approval.quoted if approval else None,
        next=_next(lane, context, closed=closed) if complete else (apply_again(lane.id, options),),
    )


def _approval(
    target: OpenBaoTarget, first: Plan, lane: Lane, context: Context, options: LaneOptions
) -> Approval | None:
    """The approval of the whole plan; ``None`` where none is needed. Closing needs none: it comes first, always.

    Raises why a cluster cannot be asked: what cannot be compared with what was approved is not begun.
    """
    if first.closed or not protected_by(lane, target.custom):
        return None
    plans = [first]
    for each in context.deliveries(lane, options):
        part = plan_delivery(each, context, options)
        if isinstance(part, Unreached):
            part.fault.effect = Effect.NOTHING_CHANGED
            raise part.fault
        plans.append(part)
    for plan in plans:
        expect_unblocked(plan)
    return approval_for(lane, plans, target.custom, context)


def apply_target(
    target: Target,
    journal: Journal,
    options: LaneOptions,
    approval: Approval | None = None,
    *,
    first: Plan | None = None,
) -> Receipt:
    """Journal, make every change in the plan's order, look again: the same for OpenBao and for a cluster.

    `first` is the target's plan, where it was made already.

    Raises:
        NotApproved: with an `approval`, the plan is not what was approved of this target.
        NotAgreed: the plan takes away access, or takes something over, and `options` do not agree to it.
        Foreign: something there is not ours; nothing was changed.
        Inconclusive: the target does not show what was written.
        JournalUnwritable: nothing was changed, unless its effect says otherwise.
    """
    first = first or target.plan()
    end_killed_apply(first, journal)
    expect_approved(first, approval)
    _expect_consent(first, options)
    expect_unblocked(first)
    if not first.to_change:
        return _receipt(first, record=0)
    what = {
        "system": target.system.address,
        "identity": target.acting_as(),
        "changes": [change.facts for change in first.to_change],
    }
    what |= {"cluster": target.system.cluster} if target.system.cluster else {}
    what |= approval.facts if approval else {}
    with begun("apply", first.lane, what, journal) as done:
        for number, change in enumerate(first.to_change):
            with _partly(number):
                target.make(change)
        with after_earlier_steps():
            _expect_nothing_left(target.plan())
        with effect_so_far(Applied(first.lane, first.system)):
            record = journal.record("apply.done", first.lane, done)
    return _receipt(first, record)


def _receipt(plan: Plan, record: int) -> Receipt:
    """That all of the plan was done, as that record says."""
    return Receipt(
        lane=plan.lane,
        system=plan.system,
        changed=plan.to_change,
        record=record,
        former_paths=plan.former_paths,
        closed=plan.closed,
    )


@contextmanager
def _partly(before: object) -> Iterator[None]:
    """An error says that nothing was changed only where no change was made before."""
    with after_earlier_steps() if before else nullcontext():
        yield


def apply_delivery(
    delivery: DeliveryTarget,
    context: Context,
    options: LaneOptions,
    approval: Approval | None = None,
    *,
    before: bool,
) -> Receipt | Unreached:
    """One delivery in its cluster; `before`: something was changed elsewhere already. Raises `JournalUnwritable`."""
    try:
        with _partly(before):
            return apply_target(cluster_target(delivery, context, options), context.journal, options, approval)
    except WardenError as fault:
        return unreached(delivery, context, fault)


def _expect_consent(plan: Plan, options: LaneOptions) -> None:
    """Taking away access and taking over what others made has to be agreed to; everything else does not."""
    if risky := needing_consent([plan], options):
        raise NotAgreed(
            ConsentNeeded(plan.lane, risky),
            effect=Effect.NOTHING_CHANGED,
            subject=plan.lane,
            remedy=(apply_again(plan.lane, options, yes=True),),
        )


def expect_unblocked(plan: Plan) -> None:
    """Raise `Foreign` where the plan has objects that `apply` must not touch; all of them are named."""
    if plan.blocked:
        raise Foreign(
            Blocked(plan.system, plan.blocked),
            effect=Effect.NOTHING_CHANGED,
            system=f"cluster {plan.system.cluster}" if plan.system.cluster else "OpenBao",
            subject=plan.lane,
            remedy=_unblocking(plan),
        )


def _unblocking(plan: Plan) -> Remedy:
    """What ends the first obstacle; only what is merely not marked can be taken over."""
    for change in plan.blocked:
        if change.remedy:
            return change.remedy
    missing = dict.fromkeys(each.obstacle for each in plan.blocked if isinstance(each.obstacle, AuthMountMissing))
    enable = tuple(RunBao(action="enable-auth", mount=each.mount, name=each.method) for each in missing)
    look = any(isinstance(change.obstacle, NotMarked) or not enable for change in plan.blocked)
    return (*enable, *((warden("apply", plan.lane, take_over=True),) if look else ()))


def _expect_nothing_left(after: Plan) -> None:
    if after.to_change:
        raise Inconclusive(
            StillDiffers(after.system, after.to_change),
            system=f"cluster {after.system.cluster}" if after.system.cluster else f"OpenBao {after.system.address}",
            subject=after.lane,
            remedy=(warden("plan", after.lane),),
        )


def _next(lane: Lane, context: Context, *, closed: bool) -> Remedy:
    """What comes after a lane was applied: open it, put a value, or prove it."""
    if closed:
        return (warden("reactivate", lane.id, reason="TEXT"),)
    try:
        metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:  # it was applied, whatever can be seen now
        return (warden("prove", lane.id),)
    if metadata is None or not metadata.live:
        return refill(lane, metadata)
    return (warden("prove", lane.id),)
