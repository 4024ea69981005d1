"""change: draft a request for what a lane's file would change, and decide about it, each decision with a signature.

A request is drafted from the plan of now; nothing is changed on any server. A decision is signed over what the file
says at that moment, judged as the gate of `apply` will judge it, journaled, and written into the file.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from warden.core.changes.drafts import Words, drafted
from warden.core.changes.errors import not_open_for, nothing_to_request, refused
from warden.core.changes.flaws import NotAnApprover, Problem, Rejected
from warden.core.changes.plan_lines import plan_lines
from warden.core.changes.protection import Protection
from warden.core.changes.request import (
    OVER,
    PLANNED,
    STATUS_AFTER,
    ChangeRequest,
    Decision,
    PlanOptions,
    RequestType,
    Status,
    Verb,
)
from warden.core.changes.scope import digest_of, scope_of
from warden.core.changes.statement import statement
from warden.core.changes.verdict import Standing, problems, standing
from warden.core.errors import Effect, Foreign, NotNow, WardenError
from warden.core.lanes.lane import Lane, Protected
from warden.core.notices.notice import Fact, Notice
from warden.core.plans.lane_plan import LaneOptions, Unreached
from warden.core.plans.plan import Plan
from warden.core.remedies import Remedy, RunWarden, warden
from warden.ports.change_requests import ChangeRequests, Signatures
from warden.ports.journal import Journal
from warden.ports.notices import NoNotices, Notices
from warden.usecases.context import Context
from warden.usecases.plan import plan_delivery
from warden.usecases.reactivate import NotClosed
from warden.usecases.steps.apply_target import expect_unblocked
from warden.usecases.steps.approval import protected_by
from warden.usecases.steps.killed_operations import end_killed_changes
from warden.usecases.steps.recorded import begun
from warden.usecases.targets.of_lane import openbao_target


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions are made with; no server is asked for one."""

    requests: ChangeRequests
    signatures: Signatures
    journal: Journal
    notices: Notices = NoNotices()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and what its decisions add up to now; ``problems`` keep it from being approved."""

    request: ChangeRequest
    file: str
    digest: str
    standing: Standing
    problems: tuple[Problem, ...]

    @property
    def status(self) -> Status:
        """How far it is: by its signatures as long as it waits for them, afterwards as its file says."""
        if self.request.status not in {"proposed", "approved", "needs_changes"}:
            return self.request.status
        if not self.problems:
            return "approved"
        stops = [each.decision for each in self.standing.stopped]
        return STATUS_AFTER[stops[-1]] if stops else "proposed" if self.standing.requester else "draft"

    @property
    def waits(self) -> bool:
        """Whether somebody has to decide."""
        return self.status in {"proposed", "needs_changes", "draft"}

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.request.origin == "warden" and (self.waits or self.status in {"approved", "apply_pending"})

    @property
    def next(self) -> Remedy:
        """What comes next; empty where nothing does."""
        request = self.request
        if request.origin != "warden":
            return ()
        following: dict[Status, Remedy] = {
            "draft": (warden("change propose", request.id),),
            "needs_changes": (warden("change propose", request.id),),
            "proposed": (warden("change approve", request.id, comment="TEXT"),),
            "approved": (self._use,),
            "apply_pending": (self._use,),
            "applied": (warden("prove", request.lane),),
        }
        return following.get(self.status, ())

    @property
    def _use(self) -> RunWarden:
        """The command that an approval is for."""
        request, options = self.request, self.request.plan.options
        if request.request_type in {"rotate", "deactivate", "compromise"}:
            return warden("status", request.lane)
        if request.request_type == "reactivate":
            return warden("reactivate", request.lane, reason=request.id)
        return warden(
            "apply",
            request.lane,
            cluster=options.clusters,
            custody_only=options.custody_only,
            create_namespace=options.create_namespace,
            take_over=options.take_over,
        )


def draft(lane: Lane, request_type: RequestType, words: Words, context: Context, options: LaneOptions) -> Shown:
    """Write a new request for what the lane's file would change, with the plan of now.

    Raises:
        UsageError: there is nothing to change, or the file cannot be written.
        NotNow: the lane is closed, and something else than reopening it is asked for; or it is not closed.
        Foreign: the plan has objects that `apply` must not touch.
        Inconclusive, Refused: OpenBao or a cluster could not be asked, so there is no plan to approve.
    """
    assert context.requests is not None  # noqa: S101 - whoever drafts has somewhere to
    end_killed_changes(lane.id, context.requests, context.journal)
    target = openbao_target(lane, context, options, opened=request_type == "reactivate")
    first = target.plan()
    lines = plan_lines(_plans(first, lane, request_type, context, options)) if request_type in PLANNED else ()
    if request_type in PLANNED and request_type != "reactivate" and not lines:
        raise nothing_to_request(lane.id)
    now = dt.datetime.now(dt.UTC)
    where = (context.vault.cluster_id(), context.vault.namespace or None)
    chosen = PlanOptions(
        clusters=options.clusters,
        custody_only=options.custody_only,
        create_namespace=options.create_namespace,
        take_over=options.take_over,
    )

    def make(request_id: str) -> ChangeRequest:
        return drafted(
            request_id,
            lane,
            request_type=request_type,
            words=words,
            lines=lines,
            options=chosen,
            needed=protected_by(lane, target.custom),
            where=where,
        )

    body = {"verb": "draft", "request_type": request_type}
    with begun("change", lane.id, body, context.journal) as done:
        request = context.requests.add(make, now.year)
        context.journal.record("change.done", lane.id, {**done, "request": request.id})
    return _shown(request, context.requests, context.signatures, now)


def _plans(
    first: Plan, lane: Lane, request_type: RequestType, context: Context, options: LaneOptions
) -> Sequence[Plan]:
    reopening, found = request_type == "reactivate", [first]
    is_closed = openbao_target(lane, context, options).plan().closed if reopening else found[0].closed
    if is_closed != reopening:
        raise _closed_or_not(lane, closed=is_closed)
    for each in context.deliveries(lane, options):
        part = plan_delivery(each, context, options)
        if isinstance(part, Unreached):
            part.fault.effect = Effect.NOTHING_CREATED
            raise part.fault
        found.append(part)
    try:
        for plan in found:
            expect_unblocked(plan)
    except Foreign as fault:
        fault.effect = Effect.NOTHING_CREATED
        raise
    return found


def _closed_or_not(lane: Lane, *, closed: bool) -> WardenError:
    problem = StillClosed(lane.id) if closed else NotClosed(lane.id)
    following = warden("change new", lane.id, type="reactivate") if closed else warden("status", lane.id)
    return NotNow(problem, effect=Effect.NOTHING_CREATED, subject=lane.id, remedy=(following,))


class StillClosed(msgspec.Struct, frozen=True):
    """The lane is closed, and what is asked for is something else than to open it."""

    lane: str


def end_killed(shelf: Shelf) -> None:
    """End in the journal every draft and decision that was killed, by what the files have; others end in `apply`."""
    lanes = {each.record.lane for each in shelf.journal.unfinished() if each.operation == "change"}
    for lane in sorted(lanes):
        end_killed_changes(lane, shelf.requests, shelf.journal)


def show(request_id: str, requests: ChangeRequests, signatures: Signatures) -> Shown:
    """One request as it stands now. Raises as `ChangeRequests.get`."""
    return _shown(requests.get(request_id), requests, signatures, dt.datetime.now(dt.UTC))


def every(requests: ChangeRequests, signatures: Signatures) -> Sequence[Shown]:
    """Every request that can be read, the newest first."""
    now = dt.datetime.now(dt.UTC)
    return [_shown(each, requests, signatures, now) for each in sorted(requests.all(), key=_id, reverse=True)]


def _id(request: ChangeRequest) -> str:
    return request.id


def _shown(request: ChangeRequest, requests: ChangeRequests, signatures: Signatures | None, now: dt.datetime) -> Shown:
    checked = [signatures.check(each) for each in request.decisions] if signatures else []
    found = standing(request, checked, now)
    return Shown(
        request=request,
        file=requests.path(request.id),
        digest=digest_of(scope_of(request)),
        standing=found,
        problems=problems(request, found, _required(request, found)),
    )


def _required(request: ChangeRequest, found: Standing) -> Sequence[Protection]:
    """What the request itself says is required; of a lane that is not protected one approval by anybody."""
    if not request.required:
        return [Protection(Protected(approvers=tuple(each.by for each in found.approvals), approvals=1))]
    return [Protection(Protected(approvers=each.approvers, approvals=each.approvals)) for each in request.required]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be decided: the verb, the comment, and how long an approval is good for."""

    verb: Verb
    comment: str
    good_for: dt.timedelta = dt.timedelta(days=14)


def decide(request_id: str, said: Said, shelf: Shelf) -> Shown:
    """Sign a decision and write it into the request's file; a proposal that stands as it is is not made again.

    Raises:
        NotNow: the request's state does not allow it.
        Refused: it would not count: by the requester, by somebody who is not an approver, twice under one key.
        UsageError: no key of the caller's is in allowed_signers, or it cannot sign.
        Held: the file was changed meanwhile.
    """
    request = shelf.requests.get(request_id)
    end_killed_changes(request.lane, shelf.requests, shelf.journal)
    _expect_open(request, said.verb)
    by = shelf.signatures.signer()
    proposed = msgspec.structs.replace(request, requester=by) if said.verb == "propose" else request
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    scope = scope_of(proposed)
    decision = Decision(
        decision=said.verb,
        request=request.id,
        by=by,
        at=now,
        expires=now + said.good_for if said.verb == "approve" else None,
        comment=said.comment or request.title,
        digest=digest_of(scope),
        signature="",
    )
    if _stands(request, decision, shelf, now):
        return _shown(request, shelf.requests, shelf.signatures, now)
    _expect_approver(request, decision)
    decision = msgspec.structs.replace(decision, signature=shelf.signatures.sign(statement(decision)))
    after = msgspec.structs.replace(
        proposed,
        decisions=(*request.decisions, decision),
        scopes={**request.scopes, decision.digest: scope},
    )
    found = standing(after, [shelf.signatures.check(each) for each in after.decisions], now)
    _expect_counted(request, decision, found)
    status = _status_after(after, decision, found)
    body = {"verb": said.verb, "request": request.id, "by": by, "digest": decision.digest, "comment": decision.comment}
    with begun("change", request.lane, body, shelf.journal) as done:
        shelf.requests.decide(request, msgspec.structs.replace(after, status=status))
        record = shelf.journal.record("change.done", request.lane, {**done, "status": status})
    shown = _shown(shelf.requests.get(request.id), shelf.requests, shelf.signatures, now)
    shelf.notices.tell(_notice(shown, decision, record))
    return shown


def _stands(request: ChangeRequest, proposal: Decision, shelf: Shelf, now: dt.datetime) -> bool:
    """Whether the request was proposed by the same person, as it is and with the same comment, and waits since then."""
    if proposal.decision != "propose" or request.status not in {"proposed", "approved"}:
        return False
    found = standing(request, [shelf.signatures.check(each) for each in request.decisions], now)
    good = [each.decision for each in found.judged if each.decision.decision == "propose" and not each.flaws]
    last = [(each.by, each.digest, each.comment) for each in good[-1:]]
    return not found.stopped and last == [(proposal.by, proposal.digest, proposal.comment)]


def _expect_open(request: ChangeRequest, verb: Verb) -> None:
    """What is over stays so; a draft is proposed before anybody decides, and only what waits can be decided about."""
    waits = request.status in {"proposed", "approved", "needs_changes"}
    proposable = waits or request.status == "draft"
    allowed = proposable if verb in {"propose", "withdraw"} else waits
    if request.origin != "warden" or request.status in OVER or not allowed:
        raise not_open_for(request.id, request.status, verb)


def _expect_approver(request: ChangeRequest, decision: Decision) -> None:
    """Before anything is signed: only those whom the lane names decide, where it names anybody."""
    named = request.approvers
    if decision.decision in {"propose", "withdraw"} or not named or decision.by in named:
        return
    raise refused(request.id, Rejected(decision=decision.decision, by=decision.by, flaws=(NotAnApprover(named),)))


def _expect_counted(request: ChangeRequest, decision: Decision, found: Standing) -> None:
    """A decision that would not count is not written: its flaws are those that the gate would find."""
    mine = [each for each in found.rejected if each.by == decision.by and each.decision == decision.decision]
    counts = {
        "approve": decision in found.approvals,
        "propose": found.requester == decision.by,
        "withdraw": not (mine and found.requester),
    }
    if not counts.get(decision.decision, True) and mine:
        raise refused(request.id, mine[-1])


def _status_after(request: ChangeRequest, decision: Decision, found: Standing) -> Status:
    if decision.decision in {"approve", "propose"} and not problems(request, found, _required(request, found)):
        return "approved"
    return STATUS_AFTER[decision.decision]


def _notice(shown: Shown, decision: Decision, record: int) -> Notice:
    """Who may approve is told of a proposal, everybody of a decision."""
    request = shown.request
    asked = decision.decision == "propose"
    facts: dict[str, Fact] = {
        "request": request.id,
        "request_type": request.request_type,
        "decision": decision.decision,
        "status": shown.status,
        "comment": decision.comment,
        "approvers": request.approvers,
    }
    return Notice(
        kind="change.requested" if asked else "change.decided",
        lane=request.lane,
        who=decision.by,
        record=record,
        facts=facts,
        next=(warden("change show", request.id),),
    )
