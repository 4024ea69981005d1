"""What is behind a verdict on a read that others have to approve, as facts; in words: ``present.custody_details``."""

from warden.core.quoting import Facts


class Unwrapped(Facts, frozen=True, tag="unwrapped"):
    """The status of unwrapping a read that nobody has approved."""

    status: int


class SelfApproval(Facts, frozen=True, tag="self-approval"):
    """What OpenBao answered to whoever asked and approved it too."""

    status: int
    reply: str


class NothingWithheld(Facts, frozen=True, tag="nothing-withheld"):
    """There was no request to try it with: the value was not withheld, or OpenBao did not say."""


class NotEnded(Facts, frozen=True, tag="not-ended"):
    """The request of the proof could not be ended: it waits until its time is over, and nobody holds its token."""


ApprovalDetail = Unwrapped | SelfApproval | NothingWithheld | NotEnded
