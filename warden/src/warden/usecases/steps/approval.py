"""The gate of a protected lane: whether an approved change request lets exactly this plan be applied, and which one.

Everything is judged anew: the plan is made now, the signatures are verified now, against the allowed signers of now.
An approval is good for one application. What was killed in the middle of one goes on under the same request: what is
left to do then has to be a part of what was approved.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from warden.core.changes.approval import Approval
from warden.core.changes.errors import ApprovalNeeded, NotApproved
from warden.core.changes.flaws import AlreadyApplied, OtherOpenBao, PlanDiffers, Problem
from warden.core.changes.plan_lines import lines_of_system, not_approved, object_of, plan_lines
from warden.core.changes.protection import Protection, protections
from warden.core.changes.request import OVER, Application, ChangeRequest
from warden.core.changes.scope import ScopeDifference, difference, digest_of, scope_of
from warden.core.changes.statement import written
from warden.core.changes.verdict import Used, problems, standing
from warden.core.errors import Effect
from warden.core.lanes.lane import Lane
from warden.core.openbao.resources import CHANGES, PROTECTED
from warden.core.plans.plan import Plan
from warden.core.remedies import Remedy, warden
from warden.usecases.context import Context
from warden.usecases.steps.recorded import after_earlier_steps, begun
from warden.usecases.targets.openbao import OpenBaoTarget

APPLIED = "change.applied"
_MOST = 24
"""Requests that the mark of a path keeps; an approval ends long before it is forgotten there."""


def protected_by(lane: Lane, custom: Mapping[str, str]) -> tuple[Protection, ...]:
    """Who has to approve changes of the lane, with the custom metadata of its path."""
    return protections(lane, custom.get(PROTECTED))


def approval_for(
    lane: Lane, plans: Sequence[Plan], custom: Mapping[str, str], context: Context, *, reopening: bool = False
) -> Approval | None:
    """The approval under which these plans may be applied; ``None`` where none is needed, or nothing is to do.

    `custom` is the custom metadata of the lane's path. `reopening` needs a request of that type, also where OpenBao
    would not change. Where nothing is to do any more, an application that was begun is answered, to be ended.

    Raises `NotApproved` with everything that is in the way.
    """
    needed = protected_by(lane, custom)
    if not needed:
        return None
    lines = plan_lines(plans)
    creates = any((each.action, each.kind) == ("create", "metadata") for plan in plans for each in plan.changes)
    asked = _Asked(lane, creates, lines, custom, needed, reopening)
    judged = [_judged(each, asked, context) for each in _of_lane(asked, context)]
    wanted = bool(lines) or reopening
    for each in judged:
        if not each.problems and (wanted or each.approval.begun):
            return each.approval
    if not wanted:
        return None
    raise _not_approved(asked, judged, context)


class _Asked(NamedTuple):
    """What is asked of a request; ``creates``: the lane's path is not there yet."""

    lane: Lane
    creates: bool
    lines: tuple[str, ...]
    custom: Mapping[str, str]
    needed: tuple[Protection, ...]
    reopening: bool


class _Judged(NamedTuple):
    """A request, and what keeps it from letting the plans be applied."""

    approval: Approval
    problems: tuple[Problem, ...]


def _of_lane(asked: _Asked, context: Context) -> list[ChangeRequest]:
    """The lane's requests, those that may still be used first, the newest first among them."""
    if context.requests is None:
        return []
    found = [each for each in context.requests.all() if each.lane == asked.lane.id]
    if asked.reopening:
        found = [each for each in found if each.request_type == "reactivate"]
    return sorted(found, key=lambda each: (each.status not in OVER and each.applied is None, each.id), reverse=True)


def _judged(request: ChangeRequest, asked: _Asked, context: Context) -> _Judged:
    signatures = context.signatures
    checked = [signatures.check(each) for each in request.decisions] if signatures else []
    found = standing(request, checked, dt.datetime.now(dt.UTC))
    used = _used(request, asked, context)
    approval = Approval(
        request=request,
        digest=digest_of(scope_of(request)),
        approvers=tuple(each.by for each in found.approvals),
        begun=used.begun,
    )
    wrong = problems(request, found, asked.needed, used)
    if request.origin == "warden":
        wrong = (*wrong, *_elsewhere(request, context), *_differs(approval, asked))
    return _Judged(approval, wrong)


def _used(request: ChangeRequest, asked: _Asked, context: Context) -> Used:
    """What the journal, the mark of the path and the file say of the request's use; each of them can only forbid."""
    records = context.journal.here(context.journal.log(lane=asked.lane.id, events=(APPLIED, "apply.begin")))
    mine = [each for each in records if each.body.get("request") == request.id]
    done = next((each for each in mine if each.event == APPLIED), None)
    if done is not None:
        return Used(applied=True, at=done.at, record=done.seq)
    if request.applied is not None:
        return Used(applied=True, at=written(request.applied.at), record=request.applied.record)
    return Used(applied=request.id in asked.custom.get(CHANGES, "").split(), begun=bool(mine))


def _elsewhere(request: ChangeRequest, context: Context) -> Iterator[Problem]:
    approved = " ".join(filter(None, (request.openbao.cluster_id, request.openbao.namespace)))
    here = " ".join(filter(None, (context.vault.cluster_id(), context.vault.namespace)))
    if approved != here:
        yield OtherOpenBao(approved, here)


def _differs(approval: Approval, asked: _Asked) -> Iterator[Problem]:
    approved = approval.request.plan.changes
    found, objects = difference(approved, asked.lines), not_approved(approved, asked.lines)
    if approval.begun:  # the objects that are gone were made by the application that did not come to its end
        found = ScopeDifference(
            removed=tuple(line for line in found.removed if object_of(line) in objects), added=found.added
        )
    if objects and not found:  # the same lines, in another order
        removed, added = ([line for line in each if object_of(line) in objects] for each in (approved, asked.lines))
        found = ScopeDifference(removed=tuple(removed), added=tuple(added))
    if found:
        yield PlanDiffers(found)


def _not_approved(asked: _Asked, judged: Sequence[_Judged], context: Context) -> NotApproved:
    """The error, about the request that comes nearest."""
    unused = [each for each in judged if not _is_used_up(each, asked)]
    nearest = min(unused, key=lambda each: len(each.problems), default=None)
    request = nearest.approval.request.id if nearest else ""
    faults = context.requests.faults() if context.requests else ()
    lane = asked.lane
    request_type = "reactivate" if asked.reopening else "create" if asked.creates else "change"
    return NotApproved(
        ApprovalNeeded(
            lane=lane.id,
            request=request,
            problems=nearest.problems if nearest else (),
            faulty=tuple(dict.fromkeys(each.file for each in faults if not each.warning)),
        ),
        effect=Effect.NOTHING_CHANGED,
        system="platform",
        subject=lane.id,
        remedy=(warden("change show", request) if request else warden("change new", lane.id, type=request_type),),
    )


def _is_used_up(judged: _Judged, asked: _Asked) -> bool:
    """Whether it is a request of the past, for something else than what is asked for now."""
    request = judged.approval.request
    past = (
        request.origin != "warden"
        or request.status in OVER
        or any(isinstance(each, AlreadyApplied) for each in judged.problems)
    )
    return past and sorted(request.plan.changes) != sorted(asked.lines)


def expect_approved(plan: Plan, approval: Approval | None) -> None:
    """Raise `NotApproved` where a target's plan is, by now, not what was approved of it."""
    if approval is None or approval.covers(plan):
        return
    approved = lines_of_system(approval.request.plan.changes, plan.system)
    found = difference(approved, plan_lines([plan]))
    raise NotApproved(
        ApprovalNeeded(lane=plan.lane, request=approval.request.id, problems=(PlanDiffers(found),)),
        effect=Effect.NOTHING_CHANGED,
        system=f"cluster {plan.system.cluster}" if plan.system.cluster else "OpenBao",
        subject=plan.lane,
        remedy=(warden("plan", plan.lane),),
    )


def expect_nothing_to_approve(lane: Lane, target: OpenBaoTarget, remedy: Remedy) -> None:
    """Raise `NotApproved` where a protected lane would be changed in OpenBao by a command that takes no approval."""
    plan = target.plan()
    if plan.closed or not plan.to_change or not protected_by(lane, target.custom):
        return
    found = ScopeDifference(added=plan_lines([plan]))
    raise NotApproved(
        ApprovalNeeded(lane=lane.id, problems=(PlanDiffers(found),)),
        effect=Effect.NOTHING_CHANGED,
        system="OpenBao",
        subject=lane.id,
        remedy=remedy,
    )


def finish(approval: Approval, lane: Lane, context: Context) -> None:
    """The request was applied: nobody can use it again, here or on another machine.

    The path's mark says so to every warden, the journal and the file to people. Raises as the ports do; the file is a
    copy, and stays as it is where it cannot be written.
    """
    custody = lane.custody
    with after_earlier_steps(), begun("change", lane.id, {**approval.facts, "verb": "apply"}, context.journal) as done:
        metadata = context.vault.kv_metadata(custody.mount, custody.key)
        before = metadata.custom.get(CHANGES, "").split() if metadata else []
        kept = [*(each for each in before if each != approval.request.id), approval.request.id][-_MOST:]
        context.vault.mark(custody.mount, custody.key, {CHANGES: " ".join(kept)})
        record = context.journal.record(APPLIED, lane.id, done)
    if context.requests is not None:
        who = context.vault.identity().display_name
        applied = Application(at=dt.datetime.now(dt.UTC).replace(microsecond=0), by=who, record=record)
        context.requests.follow(approval.request.id, "applied", applied)


def follow_partly(approval: Approval, context: Context) -> None:
    """The request was applied in part; the rest goes on under it."""
    if context.requests is not None:
        context.requests.follow(approval.request.id, "apply_pending")
