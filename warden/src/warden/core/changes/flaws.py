"""Why a decision does not count, and why a change request does not let a plan be applied: facts, all of them at once.

A flaw is of one decision, a problem of the whole request.
"""

import msgspec

from warden.core.changes.request import Status, Verb
from warden.core.changes.scope import ScopeDifference

# -- why a decision does not count ------------------------------------------------------------------------------------


class NotASignature(msgspec.Struct, frozen=True, tag="not-a-signature"):
    """What stands as the signature is not one."""


class BadSignature(msgspec.Struct, frozen=True, tag="bad-signature"):
    """The signature is not of this text: it was forged, or something it was made under was edited."""


class OtherNamespace(msgspec.Struct, frozen=True, tag="other-namespace"):
    """The signature was made for another purpose, such as a Git commit."""

    namespace: str


class UnknownKey(msgspec.Struct, frozen=True, tag="unknown-key"):
    """The key is not one of that person's in allowed_signers (any more), or not for decisions."""

    key: str


class NotVerified(msgspec.Struct, frozen=True, tag="not-verified"):
    """ssh-keygen could not be run, or allowed_signers not be read: that is not a bad signature, and not a good one."""

    why: str


class OtherRequest(msgspec.Struct, frozen=True, tag="other-request"):
    """The decision was made about another request, and copied."""

    request: str


class ScopeEdited(msgspec.Struct, frozen=True, tag="scope-edited"):
    """The text of the scope that the decision signed is missing, or was edited."""


class OtherScope(msgspec.Struct, frozen=True, tag="other-scope"):
    """The request was changed since: the lines that the decision does not cover, and those that are gone."""

    difference: ScopeDifference


class Expired(msgspec.Struct, frozen=True, tag="expired"):
    """The approval was good until then (ISO 8601 UTC)."""

    at: str


class NoExpiry(msgspec.Struct, frozen=True, tag="no-expiry"):
    """The approval has no end, or a later one than an approval may have."""


class InTheFuture(msgspec.Struct, frozen=True, tag="in-the-future"):
    """The decision says that it was made later than now: a clock is wrong, here or there."""

    at: str


class NoComment(msgspec.Struct, frozen=True, tag="no-comment"):
    """The decision has no comment."""


class SelfApproval(msgspec.Struct, frozen=True, tag="self-approval"):
    """The approval is by whoever requested the change; ``by_key``: under another name, with the same key."""

    by_key: bool = False


class NotAnApprover(msgspec.Struct, frozen=True, tag="not-an-approver"):
    """The lane does not name that person among those who may decide."""

    approvers: tuple[str, ...]


class SamePerson(msgspec.Struct, frozen=True, tag="same-person"):
    """The same key approved under another name before."""

    other: str


class Replaced(msgspec.Struct, frozen=True, tag="replaced"):
    """The same person decided again later; of several decisions of one person the last one counts."""


class NotTheRequester(msgspec.Struct, frozen=True, tag="not-the-requester"):
    """Only who requested the change proposes and withdraws it. Without `requester` nobody has."""

    requester: str | None


Flaw = (
    NotASignature
    | BadSignature
    | OtherNamespace
    | UnknownKey
    | NotVerified
    | OtherRequest
    | ScopeEdited
    | OtherScope
    | Expired
    | NoExpiry
    | InTheFuture
    | NoComment
    | SelfApproval
    | NotAnApprover
    | SamePerson
    | Replaced
    | NotTheRequester
)


# -- why a request does not let a plan be applied ---------------------------------------------------------------------


class Rejected(msgspec.Struct, frozen=True, kw_only=True, tag="rejected"):
    """A decision that does not count."""

    decision: Verb
    by: str
    flaws: tuple[Flaw, ...]


class FromEarlierSystem(msgspec.Struct, frozen=True, tag="earlier-system"):
    """The request is a record of the earlier system, without signatures."""


class NotProposed(msgspec.Struct, frozen=True, tag="not-proposed"):
    """Nobody has proposed the request as it stands."""

    status: Status


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """Somebody denied it, wants changes, or withdrew it."""

    decision: Verb
    by: str
    at: str
    comment: str


class Missing(msgspec.Struct, frozen=True, kw_only=True, tag="missing"):
    """Not enough of those who may approve have; ``waiting`` are those who still can.

    ``marked``: so says the mark of the lane's path in OpenBao, whatever the lane's file says.
    """

    approvals: int
    of: int
    waiting: tuple[str, ...] = ()
    marked: bool = False


class UnreadableMark(msgspec.Struct, frozen=True, tag="unreadable-mark"):
    """The mark in OpenBao that says who has to approve cannot be understood, so nobody satisfies it."""

    mark: str


class OtherOpenBao(msgspec.Struct, frozen=True, tag="other-openbao"):
    """The plan was made with another OpenBao, or another namespace of it."""

    approved: str
    here: str


class PlanDiffers(msgspec.Struct, frozen=True, tag="plan-differs"):
    """What would be applied is not what was approved."""

    difference: ScopeDifference


class AlreadyApplied(msgspec.Struct, frozen=True, kw_only=True, tag="already-applied"):
    """The request was used: an approval is good for one ``apply``."""

    at: str = ""
    record: int = 0


Problem = (
    Rejected
    | FromEarlierSystem
    | NotProposed
    | Stopped
    | Missing
    | UnreadableMark
    | OtherOpenBao
    | PlanDiffers
    | AlreadyApplied
)
