"""Telling people and the State Hub what happened."""

from collections.abc import Sequence
from typing import Protocol

from warden.core.notices.notice import Notice
from warden.core.notices.outbox import Channel, Failure, Undelivered


class Notices(Protocol):
    """Tells what happened, after it happened and the journal has it. A use case calls `tell` and goes on.

    `tell` never raises, never takes longer than its time-out (5 s), and never fails the operation it tells of. What
    did not go out is in `undelivered`, which the command line prints at the end; it is queued and sent by a later
    command. Nothing is told where ``platform.yaml`` names no channel.
    """

    @property
    def undelivered(self) -> Sequence[Undelivered]:
        """What did not go out so far, in this process."""

    def tell(self, notice: Notice) -> None:
        """Send the notice on every channel that is for it."""


class NoNotices:
    """The port Notices where nobody is to be told."""

    undelivered: Sequence[Undelivered] = ()

    def tell(self, notice: Notice) -> None:
        """Nothing."""


class NotSent(Exception):
    """A channel could not send a notice. ``again``: the same may work in a moment."""

    def __init__(self, failure: Failure, status: int = 0, *, again: bool = False) -> None:
        super().__init__(failure)
        self.failure = failure
        self.status = status
        self.again = again


class NoticeChannel(Protocol):
    """One place that notices are sent to: a command, a webhook, the State Hub."""

    name: Channel

    @property
    def where(self) -> str:
        """Where it leads, as people name it: a command, a URL."""

    def send(self, document: bytes, notice: Notice, patience: float) -> None:
        """Send it (`document` is the notice as JSON), within `patience` seconds. Raises `NotSent`, and nothing else."""
