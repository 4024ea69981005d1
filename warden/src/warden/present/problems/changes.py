"""What keeps a request from being approved, a decision from counting, and a plan from being applied, in words."""

from warden.core.changes.errors import (
    ApprovalNeeded,
    DecisionRefused,
    NothingToRequest,
    NotOpenForThat,
    RequestEdited,
    RequestWithFaults,
    UnknownRequest,
)
from warden.core.changes.flaws import (
    AlreadyApplied,
    BadSignature,
    Expired,
    FromEarlierSystem,
    InTheFuture,
    Missing,
    NoComment,
    NoExpiry,
    NotAnApprover,
    NotASignature,
    NotProposed,
    NotTheRequester,
    NotVerified,
    OtherNamespace,
    OtherOpenBao,
    OtherRequest,
    OtherScope,
    PlanDiffers,
    Rejected,
    Replaced,
    SamePerson,
    ScopeEdited,
    SelfApproval,
    Stopped,
    UnknownKey,
    UnreadableMark,
)
from warden.core.changes.request import LONGEST
from warden.core.changes.scope import ScopeDifference
from warden.present.problems import describe
from warden.usecases.change import StillClosed

_FEW = 3
"""Lines of a difference that stand in a clause."""


def lines_that_differ(difference: ScopeDifference) -> list[str]:
    """Every line, with ``-`` where only the earlier text has it and ``+`` where only the later one does."""
    return [*(f"- {line}" for line in difference.removed), *(f"+ {line}" for line in difference.added)]


def _shortly(difference: ScopeDifference) -> str:
    lines = lines_that_differ(difference)
    more = f"; and {len(lines) - _FEW} more" if len(lines) > _FEW else ""
    return f"{'; '.join(lines[:_FEW]) or 'the order of its lines'}{more}"


# -- a decision that does not count -----------------------------------------------------------------------------------


@describe.register
def _(_: NotASignature) -> str:
    return "what stands as its signature is not one"


@describe.register
def _(_: BadSignature) -> str:
    return "its signature is not valid: it was forged, or what it was made under was edited"


@describe.register
def _(flaw: OtherNamespace) -> str:
    return f'its signature was made for "{flaw.namespace}", not for a change request'


@describe.register
def _(flaw: UnknownKey) -> str:
    return f"the key {flaw.key} is not that person's in allowed_signers, or not valid there now"


@describe.register
def _(flaw: NotVerified) -> str:
    return f"its signature cannot be verified here: {flaw.why}"


@describe.register
def _(flaw: OtherRequest) -> str:
    return f"it was made about {flaw.request}"


@describe.register
def _(_: ScopeEdited) -> str:
    return "the text below scopes that it signed is missing, or was edited"


@describe.register
def _(flaw: OtherScope) -> str:
    return f"the request was changed since: {_shortly(flaw.difference)}"


@describe.register
def _(flaw: Expired) -> str:
    return f"it expired at {flaw.at}"


@describe.register
def _(_: NoExpiry) -> str:
    return f"it has no expiry within {LONGEST.days} days"


@describe.register
def _(flaw: InTheFuture) -> str:
    return f"it says that it was made at {flaw.at}, which is later than now; check the clocks"


@describe.register
def _(_: NoComment) -> str:
    return "it has no comment"


@describe.register
def _(flaw: SelfApproval) -> str:
    whose = "the requester's key, under another name" if flaw.by_key else "the requester"
    return f"it is by {whose}; somebody else has to approve"


@describe.register
def _(flaw: NotAnApprover) -> str:
    return f"only {', '.join(flaw.approvers)} may decide"


@describe.register
def _(flaw: SamePerson) -> str:
    return f"the same key approved as {flaw.other} before"


@describe.register
def _(_: Replaced) -> str:
    return "the same person decided again later"


@describe.register
def _(flaw: NotTheRequester) -> str:
    return f"the requester is {flaw.requester}" if flaw.requester else "the file names no requester"


# -- a request that does not let a plan be applied --------------------------------------------------------------------


@describe.register
def _(problem: Rejected) -> str:
    verb = {"approve": "approval", "deny": "denial", "propose": "proposal", "withdraw": "withdrawal"}
    what = verb.get(problem.decision, problem.decision)
    return f"the {what} by {problem.by} does not count: {'; '.join(map(describe, problem.flaws))}"


@describe.register
def _(_: FromEarlierSystem) -> str:
    return "it is a record of the earlier system, which approves nothing here"


@describe.register
def _(problem: NotProposed) -> str:
    return "nobody has proposed it as it stands" if problem.status != "draft" else "it is a draft"


@describe.register
def _(problem: Stopped) -> str:
    what = {"deny": "denied by", "needs-changes": "changes are wanted by", "withdraw": "withdrawn by"}
    return f"{what.get(problem.decision, problem.decision)} {problem.by} at {problem.at}: {problem.comment}"


@describe.register
def _(problem: Missing) -> str:
    source = " (as OpenBao has it at the lane's path)" if problem.marked else ""
    waiting = f"; waiting for {', '.join(problem.waiting)}" if problem.waiting else "; nobody else can approve"
    return f"{problem.approvals} of {problem.of} approvals{source}{waiting}"


@describe.register
def _(problem: UnreadableMark) -> str:
    return f'the mark "protected" at the lane\'s path says "{problem.mark}", which names no approvers'


@describe.register
def _(problem: OtherOpenBao) -> str:
    return f"its plan was made with another OpenBao ({problem.approved or 'not known'}), not with {problem.here}"


@describe.register
def _(problem: PlanDiffers) -> str:
    return f"the plan differs from what was approved: {_shortly(problem.difference)}"


@describe.register
def _(problem: AlreadyApplied) -> str:
    when = f" at {problem.at}" if problem.at else ""
    record = f" (journal {problem.record})" if problem.record else ""
    return f"it was applied already{when}{record}; an approval is good for one apply"


# -- commands ---------------------------------------------------------------------------------------------------------


@describe.register
def _(problem: ApprovalNeeded) -> str:
    faulty = f"; not read, because of errors: {', '.join(problem.faulty)}" if problem.faulty else ""
    if not problem.request:
        why = f": {'; '.join(map(describe, problem.problems))}" if problem.problems else ""
        return f"{problem.lane} is protected, and no change request allows this{why}{faulty}"
    why = "; ".join(map(describe, problem.problems))
    return f"{problem.lane} is protected, and {problem.request} does not allow this: {why}{faulty}"


@describe.register
def _(problem: DecisionRefused) -> str:
    return f"{problem.request}: {describe(problem.rejected)}"


@describe.register
def _(problem: NothingToRequest) -> str:
    return f"{problem.lane} is as its file says, so there is nothing to request; edit its file first"


@describe.register
def _(problem: NotOpenForThat) -> str:
    if problem.status == "draft":
        return f"{problem.request} is a draft; its requester proposes it first"
    return f"{problem.request} is {problem.status.replace('_', ' ')}"


@describe.register
def _(problem: RequestWithFaults) -> str:
    return f"{problem.request} has errors"


@describe.register
def _(problem: UnknownRequest) -> str:
    near = f"; there is {', '.join(problem.nearest)}" if problem.nearest else ""
    return f"no change request {problem.request}{near}"


@describe.register
def _(problem: RequestEdited) -> str:
    return f"the file of {problem.request} was changed meanwhile"


@describe.register
def _(problem: StillClosed) -> str:
    return f"{problem.lane} is closed; opening it again is what has to be requested"
