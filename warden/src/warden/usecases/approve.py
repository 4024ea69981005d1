"""approve: see which reads wait for approval, and approve one.

OpenBao has no list of such requests. Those are found whose record this journal has; any other is approved by its
accessor, which whoever asked, or a notice, has told. An approval counts where OpenBao shows it afterwards: it answers
200 also to somebody who is not in the group.
"""

import datetime as dt

from warden.core.access import approving as rules
from warden.core.access.authorization import expect_open
from warden.core.access.pending import REQUESTED, PendingRead
from warden.core.errors import Refused, Unidentified
from warden.core.journal.operations import abandoned, killed
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.notices.told import approved as approved_notice
from warden.core.openbao.control_groups import RequestState
from warden.core.remedies import RunWarden, warden
from warden.usecases.context import Context
from warden.usecases.steps.recorded import begun, effect_so_far

_NEWEST = 500
"""Records of requests that are looked through; the time of older ones is over."""


def waiting(context: Context, lane: str = "") -> tuple[PendingRead, ...]:
    """The reads that this journal knows and that OpenBao still has, oldest first; of one lane, or of all.

    Raises:
        Refused: the caller may not look at requests.
    """
    _end_killed(context, lane)
    found = []
    for record in _requests(context, lane):
        declared = context.lanes.get(record.lane)
        accessor = str(record.body.get("accessor") or "")
        if declared is None or not accessor or _is_over(record):
            continue
        state = _state(context, accessor, declared, record, warden("approve", *([lane] if lane else [])))
        if state is not None:
            found.append(rules.as_pending(declared, accessor, state, record))
    return tuple(found)


def approve(accessor: str, comment: str, context: Context) -> rules.Approved:
    """Approve one request as the caller.

    Raises:
        NotNow: there is no such request (any more), or the lane is closed.
        UsageError: it is not a read of a lane.
        Refused: it is the caller's own, the caller is not in the group, or may not approve at all.
        JournalUnwritable: nothing was approved, unless its effect says otherwise.
    """
    server = context.vault.control_groups()
    record = next((each for each in _requests(context) if each.body.get("accessor") == accessor), None)
    known = context.lanes.get(record.lane) if record else None
    if known is not None:
        expect_open(known, context.journal.state(known.id).closed)
    state = _state(context, accessor, known, record, warden("approve", accessor))
    _end_killed(context, known.id if known else "")
    if state is None:
        raise rules.gone(accessor)
    lane = rules.lane_of(state, accessor, context.lanes)
    expect_open(lane, context.journal.state(lane.id).closed)
    request = rules.as_pending(lane, accessor, state, record)
    who = context.vault.identity()
    what = {"system": context.vault.address, "identity": who.as_json(), "accessor": accessor, "comment": comment}
    with begun("approval", lane.id, what | {"requested_by": request.who}, context.journal) as done:
        try:
            answer = server.authorize(accessor)
        except Unidentified:
            raise
        except Refused as fault:
            fault.remedy, fault.hint = rules.log_in(lane, request), ""
            raise
        if answer.outcome == "own-request":
            raise rules.own_request(request, answer.said)
        after = None if answer.outcome == "gone" else server.state(accessor)
        if after is None and not answer.approved:
            raise rules.gone(accessor)
        if answer.outcome == "not-counted" or (after is not None and not rules.is_approver(after, who)):
            raise rules.not_counted(lane, request, who)
        request = request.now(after) if after else request
        enough = after.approved if after else answer.approved
        with effect_so_far(rules.ApprovalGiven(lane.id, accessor)):
            given = {"given": list(request.given), "approvals": request.approvals, "enough": enough}
            number = context.journal.record("approval.done", lane.id, done | given)
    context.notices.tell(approved_notice(request, number, who.display_name, enough=enough))
    already = answer.outcome == "already"
    return rules.Approved(request=request, who=who.display_name, enough=enough, already=already, record=number)


def _requests(context: Context, lane: str = "") -> list[Record]:
    journal = context.journal
    return list(journal.here(journal.log(lane=lane or None, last=_NEWEST, events=(REQUESTED,))))


def _is_over(record: Record) -> bool:
    """Whether its time is over by this machine's clock; a minute more, since the server's counts."""
    try:
        until = dt.datetime.fromisoformat(str(record.body.get("until")))
    except ValueError:
        return False
    return dt.datetime.now(dt.UTC) > until + dt.timedelta(minutes=1)


def _state(
    context: Context, accessor: str, lane: Lane | None, record: Record | None, again: RunWarden
) -> RequestState | None:
    """How it stands; who may not look is told how to log in as an approver of the lane, to run it `again`."""
    try:
        return context.vault.control_groups().state(accessor)
    except Unidentified:
        raise
    except Refused as fault:
        if lane is not None and record is not None:
            nothing = RequestState(approved=False, operation="", path="", entity="", who="")
            request = rules.as_pending(lane, accessor, nothing, record)
            fault.remedy = (*rules.log_in(lane, request)[:1], again)
            fault.hint = ""
        raise


def _end_killed(context: Context, lane: str = "") -> None:
    """Approvals that were killed: whether they counted, OpenBao says; whoever may not ask leaves them to others."""
    journal, server = context.journal, context.vault.control_groups()
    for record in killed(journal.unfinished(lane or None), "approval"):
        try:
            state = server.state(str(record.body.get("accessor") or ""))
        except Refused:
            return
        found = "gone" if state is None else "approved" if state.approved else "waiting"
        journal.record_all([abandoned(record, found=found)])
