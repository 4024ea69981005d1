"""Whether a change request lets a plan be applied now: from its decisions, whose signatures were checked before.

Nothing is taken from ``status`` or ``requester`` of the file: who requested is who signed the proposal, and an approval
is a signature under exactly the scope that the file has now. Of several decisions of one person the last one counts;
what stops a request (a denial, a withdrawal) stops it even where its signature cannot be verified.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from warden.core.changes.flaws import (
    AlreadyApplied,
    Expired,
    Flaw,
    FromEarlierSystem,
    InTheFuture,
    Missing,
    NoComment,
    NoExpiry,
    NotAnApprover,
    NotProposed,
    NotTheRequester,
    OtherRequest,
    OtherScope,
    Problem,
    Rejected,
    Replaced,
    SamePerson,
    ScopeEdited,
    SelfApproval,
    Stopped,
    UnreadableMark,
)
from warden.core.changes.protection import Protection
from warden.core.changes.request import LONGEST, ChangeRequest, Decision
from warden.core.changes.scope import difference, digest_of, scope_of
from warden.core.changes.statement import written

SKEW = dt.timedelta(minutes=5)
"""How far clocks may be apart before a decision counts as one of the future."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, the fingerprint of the key that signed it, and what is wrong with the signature."""

    decision: Decision
    key: str = ""
    flaw: Flaw | None = None


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a request's use: that it was applied (when, which record), or that its ``apply`` began."""

    applied: bool = False
    at: str = ""
    record: int = 0
    begun: bool = False


NOT_USED = Used()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and why it does not count; without flaws it does."""

    decision: Decision
    flaws: tuple[Flaw, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the decisions of a request add up to.

    ``approvals`` are those that count, whoever may approve; ``judged`` are all of them by their time.
    """

    requester: str = ""
    approvals: tuple[Decision, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    judged: tuple[Judged, ...] = ()

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The decisions that do not count, without those that the same person replaced."""
        wrong = (each for each in self.judged if each.flaws and each.flaws != (Replaced(),))
        return tuple(Rejected(decision=each.decision.decision, by=each.decision.by, flaws=each.flaws) for each in wrong)


def standing(request: ChangeRequest, checked: Sequence[Checked], now: dt.datetime) -> Standing:
    """Judge every decision; `checked` are the request's own, in any order."""
    lines = scope_of(request)
    alone = [(each, tuple(_flaws(each, request, lines, now))) for each in sorted(checked, key=_when)]
    proposals = [each for each, _ in alone if each.decision.decision == "propose"]
    good = [number for number, (each, flaws) in enumerate(alone) if each.decision.decision == "propose" and not flaws]
    last = alone[good[-1]][0] if good else None
    approvals: dict[str, Checked] = {}
    stopped: list[Stopped] = []
    judged: list[Judged] = []
    for number, (each, found) in enumerate(alone):
        flaws = (*found, *_by_whom(each, proposals, approvals.values(), last))
        judged.append(Judged(decision=each.decision, flaws=flaws))
        if each.decision.decision != "approve":
            approvals.pop(each.decision.by, None)
            stopped += _stops(each.decision, again=bool(good) and number < good[-1])
        elif not flaws:
            approvals[each.decision.by] = each
    counted = tuple(each.decision for each in approvals.values())
    return Standing(
        requester=last.decision.by if last else "",
        approvals=counted,
        stopped=tuple(stopped),
        judged=tuple(_replaced(each, counted) for each in judged),
    )


def problems(
    request: ChangeRequest, found: Standing, needed: Iterable[Protection], used: Used = NOT_USED
) -> tuple[Problem, ...]:
    """Everything that keeps the request from being approved, by those whom each protection names."""
    if request.origin != "warden":
        return (FromEarlierSystem(),)
    wrong: list[Problem] = []
    if used.applied:
        wrong.append(AlreadyApplied(at=used.at, record=used.record))
    if not found.requester:
        wrong.append(NotProposed(request.status))
    wrong += found.stopped
    missing = [each for protection in needed for each in _missing(found, protection)]
    if missing or not found.requester:
        wrong += found.rejected
    return (*wrong, *missing)


def _replaced(judged: Judged, counted: Collection[Decision]) -> Judged:
    """An approval without a flaw that does not count, because the same person decided again."""
    if judged.flaws or judged.decision.decision != "approve" or judged.decision in counted:
        return judged
    return Judged(decision=judged.decision, flaws=(Replaced(),))


def _when(checked: Checked) -> dt.datetime:
    return checked.decision.at


def _flaws(checked: Checked, request: ChangeRequest, lines: Sequence[str], now: dt.datetime) -> Iterator[Flaw]:
    """What is wrong with a decision by itself."""
    decision = checked.decision
    if decision.request != request.id:
        yield OtherRequest(decision.request)
    if checked.flaw is not None:
        yield checked.flaw
    scope = request.scopes.get(decision.digest, ())
    if digest_of(scope) != decision.digest:
        yield ScopeEdited()
    elif decision.decision in {"propose", "approve"} and scope != tuple(lines):
        yield OtherScope(difference(scope, lines))
    if decision.decision == "propose" and decision.by != request.requester:
        yield NotTheRequester(request.requester)
    if not decision.comment.strip():
        yield NoComment()
    if decision.at > now + SKEW:
        yield InTheFuture(written(decision.at))
    if decision.decision == "approve":
        yield from _of_expiry(decision, now)


def _of_expiry(decision: Decision, now: dt.datetime) -> Iterator[Flaw]:
    if decision.expires is None or decision.expires - decision.at > LONGEST:
        yield NoExpiry()
    elif decision.expires <= now:
        yield Expired(written(decision.expires))


def _by_whom(
    each: Checked, requesters: Sequence[Checked], approved: Iterable[Checked], last: Checked | None
) -> Iterator[Flaw]:
    """What is wrong with who decided: never the requester, under no name, and nobody twice."""
    verb, by = each.decision.decision, each.decision.by
    if verb == "approve":
        if any(one.decision.by == by for one in requesters):
            yield SelfApproval()
        elif each.key and any(one.key == each.key for one in requesters):
            yield SelfApproval(by_key=True)
        twin = next((one for one in approved if each.key and one.key == each.key and one.decision.by != by), None)
        if twin is not None:
            yield SamePerson(twin.decision.by)
    if verb == "withdraw" and last is not None and last.decision.by != by:
        yield NotTheRequester(last.decision.by)


def _stops(decision: Decision, *, again: bool) -> Iterator[Stopped]:
    """A denial and a withdrawal are final; changes are wanted until the request is proposed `again`."""
    if decision.decision == "propose" or (decision.decision == "needs-changes" and again):
        return
    yield Stopped(decision=decision.decision, by=decision.by, at=written(decision.at), comment=decision.comment)


def _missing(found: Standing, protection: Protection) -> Iterator[Problem]:
    protected = protection.protected
    if protected is None:
        yield UnreadableMark(protection.mark)
        return
    counted = [each.by for each in found.approvals if each.by in protected.approvers]
    others = [each for each in found.approvals if each.by not in protected.approvers]
    if len(counted) >= protected.approvals:
        return
    for each in others:
        flaw = NotAnApprover(protected.approvers)
        yield Rejected(decision="approve", by=each.by, flaws=(flaw,))
    left = (each for each in protected.approvers if each not in counted and each != found.requester)
    yield Missing(approvals=len(counted), of=protected.approvals, waiting=tuple(left), marked=protection.marked)
