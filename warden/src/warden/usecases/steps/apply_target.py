"""Making one target what is declared: a lane's or an actor's objects on OpenBao, or a delivery in its cluster.

The order is the plan's: what takes access away comes first, what gives it last. A plan with nothing left, asked for
again afterwards, is what counts as applied.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import msgspec

from warden.core.changes.approval import Approval
from warden.core.errors import Effect, Foreign, Inconclusive
from warden.core.plans.lane_plan import ConsentNeeded, LaneOptions, NotAgreed, apply_again, needing_consent
from warden.core.plans.plan import AuthMountMissing, Change, NotMarked, Plan, Receipt, System
from warden.core.remedies import Remedy, RunBao, warden
from warden.ports.journal import Journal
from warden.usecases.steps.approval import expect_approved
from warden.usecases.steps.killed_operations import end_killed_apply
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
            with partly(number):
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
def partly(before: object) -> Iterator[None]:
    """An error says that nothing was changed only where no change was made before."""
    with after_earlier_steps() if before else nullcontext():
        yield


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
