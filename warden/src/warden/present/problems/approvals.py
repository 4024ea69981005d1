"""What waits for approval, and why one did not count, in words."""

from warden.core.access.approving import (
    ApprovalGiven,
    NotALane,
    NotCounted,
    NothingWaits,
    OwnRequest,
    RequestGone,
    SeveralWait,
)
from warden.core.access.pending import AwaitsApproval, NotWithheld, PendingRead, RequestEnded
from warden.present.problems import describe
from warden.present.problems.access import caller


@describe.register
def _(problem: AwaitsApproval) -> str:
    request = problem.request
    waited = "still " if problem.waited else ""
    text = f"{request.lane} {waited}waits for approval by {needed(request)}: {request_words(request)}"
    if request.kept:
        return text
    return f"{text}. It was ended: your token has no cubbyhole to keep it in, so wait for it with --wait"


@describe.register
def _(problem: RequestEnded) -> str:
    return f"{request_words(problem.request)} for {problem.request.lane} has ended, approved or not"


@describe.register
def _(problem: NotWithheld) -> str:
    return (
        f"OpenBao gave {problem.lane} without an approval, and the lane wants one by {problem.group}: "
        "another policy of yours reads it, or the lane was not applied"
    )


@describe.register
def _(problem: RequestGone) -> str:
    return f"OpenBao has no request {problem.accessor}: it was used, its time is over, or it never was one"


@describe.register
def _(problem: NotALane) -> str:
    return f"request {problem.accessor} is not a read of a lane of this catalog ({problem.operation} {problem.path})"


@describe.register
def _(problem: OwnRequest) -> str:
    return f"OpenBao refused the approval of request {problem.accessor} for {problem.lane}: {problem.said}"


@describe.register
def _(problem: NotCounted) -> str:
    return (
        f"OpenBao did not count the approval of request {problem.accessor}: you are {caller(problem.who)}, "
        f"which is not in {problem.group}, or not since you last logged in"
    )


@describe.register
def _(problem: NothingWaits) -> str:
    return f"no request for {problem.lane} that this journal knows waits for approval"


@describe.register
def _(problem: SeveralWait) -> str:
    named = "; ".join(f"{each.accessor} by {each.who or 'somebody'}" for each in problem.requests)
    return f"{len(problem.requests)} requests for {problem.lane} wait, so name one: {named}"


@describe.register
def _(effect: ApprovalGiven) -> str:
    return f"The approval of {effect.accessor} for {effect.lane} counts all the same."


def needed(request: PendingRead) -> str:
    """Whose approvals are needed, and how many there are."""
    given = f"{len(request.given)} so far" if request.given else "none so far"
    return f"{request.approvals} of {request.group} ({given})"


def request_words(request: PendingRead) -> str:
    """The request by its accessor, and its time."""
    return f"request {request.accessor} of {_minute(request.since)}, until {_minute(request.until)}"


def _minute(at: str) -> str:
    """ISO 8601 to the second, as people read it."""
    return f"{at[:10]} {at[11:19]}Z"
