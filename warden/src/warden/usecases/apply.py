"""apply: make OpenBao and the clusters what a lane declares; idempotent, and safe to be killed and run again.

On each target the order is the plan's: what takes access away comes first, what gives it last. OpenBao comes before the
clusters. A plan with nothing left, asked for again afterwards, is what counts as applied.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import msgspec

from warden.core.errors import DoneBefore, Effect, Foreign, Inconclusive, WardenError
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
from warden.usecases.steps.killed_operations import end_killed_apply
from warden.usecases.steps.orphans import orphans_of
from warden.usecases.steps.recorded import after_earlier_steps, begun, effect_so_far
from warden.usecases.targets import Target


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
            _expect_unblocked(part)
    openbao = apply_target(openbao_target(lane, context, options), context.journal, options)
    closed = openbao.closed
    parts: list[Receipt | Unreached] = [openbao]
    if not closed:
        for each in deliveries:
            if not each.by_hand:
                before = any(isinstance(part, Receipt) and part.changed for part in parts)
                parts.append(apply_delivery(each, context, options, before=before))
    complete = not any(isinstance(part, Unreached) for part in parts)
    return LaneReceipt(
        lane=lane.id,
        parts=tuple(parts),
        by_hand=tuple(part for part in by_hand if isinstance(part, Plan)),
        not_connected=context.not_connected(lane),
        orphans=() if options.custody_only else orphans_of(lane, context),
        former_paths=tuple(path for part in parts if isinstance(part, Receipt) for path in part.former_paths),
        closed=closed,
        next=_next(lane, context, closed=closed) if complete else (apply_again(lane.id, options),),
    )


class Applications(msgspec.Struct, frozen=True, kw_only=True):
    """Several lanes: what was done of each, or why it was refused; ``stopped`` is what ended the rest."""

    done: tuple[LaneReceipt | Foreign, ...]
    stopped: WardenError | None = None


def apply_all(lanes: Sequence[Lane], context: Context, options: LaneOptions) -> Applications:
    """One lane's foreign object says nothing about the next lane; any other fault ends the whole."""
    done: list[LaneReceipt | Foreign] = []
    for lane in lanes:
        try:
            done.append(apply(lane, context, options))
        except Foreign as fault:
            done.append(fault)
        except WardenError as fault:
            if isinstance(fault.effect, Effect) and any(
                isinstance(each, LaneReceipt) and each.changed for each in done
            ):
                fault.effect = DoneBefore()
            return Applications(done=tuple(done), stopped=fault)
    return Applications(done=tuple(done))


def apply_target(target: Target, journal: Journal, options: LaneOptions) -> Receipt:
    """Journal, make every change in the plan's order, look again: the same for OpenBao and for a cluster.

    Raises:
        NotAgreed: the plan takes away access, or takes something over, and `options` do not agree to it.
        Foreign: something there is not ours; nothing was changed.
        Inconclusive: the target does not show what was written.
        JournalUnwritable: nothing was changed, unless its effect says otherwise.
    """
    first = target.plan()
    end_killed_apply(first, journal)
    _expect_consent(first, options)
    _expect_unblocked(first)
    if not first.to_change:
        return Receipt(
            lane=first.lane,
            system=first.system,
            changed=(),
            record=0,
            former_paths=first.former_paths,
            closed=first.closed,
        )
    what = {
        "system": target.system.address,
        "identity": target.acting_as(),
        "changes": [change.facts for change in first.to_change],
    }
    what |= {"cluster": target.system.cluster} if target.system.cluster else {}
    with begun("apply", first.lane, what, journal) as done:
        for number, change in enumerate(first.to_change):
            with _partly(number):
                target.make(change)
        with after_earlier_steps():
            _expect_nothing_left(target.plan())
        with effect_so_far(Applied(first.lane, first.system)):
            record = journal.record("apply.done", first.lane, done)
    return Receipt(
        lane=first.lane,
        system=first.system,
        changed=first.to_change,
        record=record,
        former_paths=first.former_paths,
        closed=first.closed,
    )


@contextmanager
def _partly(before: object) -> Iterator[None]:
    """An error says that nothing was changed only where no change was made before."""
    with after_earlier_steps() if before else nullcontext():
        yield


def apply_delivery(
    delivery: DeliveryTarget, context: Context, options: LaneOptions, *, before: bool
) -> Receipt | Unreached:
    """One delivery in its cluster; `before`: something was changed elsewhere already. Raises `JournalUnwritable`."""
    try:
        with _partly(before):
            return apply_target(cluster_target(delivery, context, options), context.journal, options)
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


def _expect_unblocked(plan: Plan) -> None:
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
