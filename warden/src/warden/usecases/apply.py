"""apply: make OpenBao and the clusters what a lane declares; idempotent, and safe to be killed and run again.

Each target is made so by `apply_target`; OpenBao comes before the clusters.
"""

from warden.core.changes.approval import Approval
from warden.core.errors import Effect, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.openbao.refill import refill
from warden.core.plans.lane_plan import LaneOptions, LaneReceipt, Unreached, apply_again
from warden.core.plans.plan import Plan, Receipt
from warden.core.remedies import Remedy, warden
from warden.usecases.context import Context
from warden.usecases.plan import plan_delivery
from warden.usecases.steps.apply_target import apply_target, expect_unblocked, partly
from warden.usecases.steps.approval import approval_for, finish, follow_partly, protected_by
from warden.usecases.steps.killed_operations import end_killed_changes
from warden.usecases.steps.orphans import orphans_of
from warden.usecases.targets.of_lane import cluster_target, openbao_target, unreached
from warden.usecases.targets.openbao import OpenBaoTarget


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
        with partly(before):
            return apply_target(cluster_target(delivery, context, options), context.journal, options, approval)
    except WardenError as fault:
        return unreached(delivery, context, fault)


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
