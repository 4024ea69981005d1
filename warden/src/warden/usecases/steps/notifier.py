"""Telling what happened: queue it in the journal, send it on every channel, and keep what did not go out for later.

    Notice -> refuse secret material -> notice.queued -> send, retried within a bound -> notice.sent
                                                              `-> stays queued; a later command sends it, or drops it

It comes after the operation that it tells of and never fails it: what goes wrong is in `undelivered`, once. Ctrl-C ends
the wait, not the operation.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import msgspec

from warden.core.errors import JournalUnwritable
from warden.core.journal.record import Record
from warden.core.notices.notice import Notice, secret_in
from warden.core.notices.outbox import (
    AT_ONCE,
    EVENTS,
    Channel,
    ChannelQueue,
    Failure,
    Queued,
    Undelivered,
    is_settled,
    is_too_old,
    outbox,
    queued_body,
    takes,
)
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.notices import NoticeChannel, NotSent

PATIENCE = 5.0
"""Seconds that telling one notice may take at most, with every attempt; and as long again for what was queued."""
PAUSES = (0.2, 1.0)
"""Seconds before the second and the third attempt."""
_NEWEST = 1000
"""Records of notices that are looked through for what is still queued."""

Document = Callable[[Notice, Channel], bytes]
"""A notice as it is sent on a channel, in JSON."""


class Notifier:
    """The port Notices on channels and the journal.

    Args:
        channels: where notices go, each at most once.
        journal: has each notice before it is sent.
        clock: when it is told.
        document: what is sent of a notice.
        platform: the platform's name.
        patience: seconds that one notice may take.
    """

    def __init__(
        self,
        channels: Sequence[NoticeChannel],
        journal: Journal,
        clock: Clock,
        *,
        document: Document,
        platform: str,
        patience: float = PATIENCE,
    ) -> None:
        self._channels = tuple(channels)
        self._journal = journal
        self._clock = clock
        self._document = document
        self._platform = platform
        self._patience = patience
        self._failed: set[Channel] = set()
        self._undelivered: list[Undelivered] = []

    @property
    def undelivered(self) -> Sequence[Undelivered]:
        """What did not go out so far."""
        return tuple(self._undelivered)

    def tell(self, notice: Notice) -> None:
        """Queue the notice, send it, and after it what was left queued. Never raises."""
        channels = [each for each in self._channels if takes(each.name, notice.kind)]
        if not channels:
            return
        at = self._clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        notice = msgspec.structs.replace(notice, platform=self._platform, at=at)
        try:
            if self._is_refused(notice, channels[0]):
                return
            bodies = [("notice.queued", notice.lane, queued_body(notice, each.name)) for each in channels]
            numbers = self._journal.record_all(bodies)
        except JournalUnwritable:
            self._undelivered += [_undelivered(notice, each.name, "journal", queued=False) for each in channels]
            return
        try:
            for channel in self._send_all(notice, list(zip(channels, numbers, strict=True))):
                self._resend(channel, self._left_by_others(channel))
        except KeyboardInterrupt:  # the operation is done; what is given up is the wait
            self._failed |= {each.name for each in channels}
            self._undelivered.append(_undelivered(notice, channels[0].name, "interrupted"))

    @property
    def queues(self) -> tuple[ChannelQueue, ...]:
        """Each channel, and what is queued for it. Raises `JournalUnwritable`."""
        waiting = outbox(self._records())
        return tuple(
            ChannelQueue(
                name=each.name, where=each.where, queued=tuple(one for one in waiting if one.channel == each.name)
            )
            for each in self._channels
        )

    def resend(self) -> int:
        """Send all that is queued, now; answers how much went out. Never raises: see `undelivered`."""
        sent = 0
        for channel in self._channels:
            waiting = [each for each in self._waiting() if each.channel == channel.name]
            done = self._resend(channel, waiting)
            sent += done.sent
            if done.fault is not None:
                self._undelivered.append(
                    _undelivered(done.at, channel.name, done.fault.failure, status=done.fault.status)
                )
        return sent

    # -- one notice -------------------------------------------------------------------------------------------------

    def _is_refused(self, notice: Notice, channel: NoticeChannel) -> bool:
        """Whether it holds secret material: then the journal has in which field, and it is sent nowhere."""
        held = secret_in(notice)
        if held is None:
            return False
        body = {"kind": notice.kind, "of": notice.record, "field": held.field, "found": held.kind}
        self._journal.record("notice.refused", notice.lane, body)
        self._undelivered.append(_undelivered(notice, channel.name, "secret", field=held.field, queued=False))
        return True

    def _send_all(self, notice: Notice, queued: Sequence[tuple[NoticeChannel, int]]) -> list[NoticeChannel]:
        """Send it on all its channels at once, so that a slow one keeps no other waiting; answers where it arrived."""
        deadline = time.monotonic() + self._patience
        attempts = [self._attempt(channel, notice, deadline) for channel, _ in queued]
        arrived = []
        for (channel, number), attempt in zip(queued, attempts, strict=True):
            fault = attempt.result(deadline)
            if fault is None:
                self._record_end("notice.sent", Queued(record=number, channel=channel.name, notice=notice))
                arrived.append(channel)
                continue
            self._failed.add(channel.name)
            kept = notice.kind != "test"  # which is of no use later
            if not kept:
                self._record_end("notice.dropped", Queued(record=number, channel=channel.name, notice=notice))
            failed = _undelivered(notice, channel.name, fault.failure, status=fault.status, queued=kept)
            self._undelivered.append(failed)
        return arrived

    def _attempt(self, channel: NoticeChannel, notice: Notice, deadline: float) -> "_Attempt":
        """Begin to send it. What is sent is written here: a thread does not know what the command line said."""
        document = self._document(notice, channel.name)
        if channel.name in self._failed:
            return _Attempt(lambda: NotSent("earlier"))
        return _Attempt(partial(_deliver, channel, document, notice, deadline))

    def _record_end(self, event: str, queued: Queued) -> None:
        """Where the journal does not take it, a later command sends it once more, with the same id."""
        with suppress(JournalUnwritable):
            self._journal.record(event, queued.notice.lane, {"queued": queued.record, "channel": queued.channel})

    # -- what was queued before -------------------------------------------------------------------------------------

    def _resend(self, channel: NoticeChannel, waiting: Sequence[Queued]) -> "_Resent":
        """Oldest first, until one of them fails or the time is over."""
        deadline, now, sent = time.monotonic() + self._patience, self._clock(), 0
        for one in waiting:
            if is_too_old(one, now):
                self._record_end("notice.dropped", one)
                continue
            if time.monotonic() >= deadline:
                return _Resent(sent, one.notice, NotSent("timed-out"))
            fault = self._attempt(channel, one.notice, deadline).result(deadline)
            if fault is not None:
                return _Resent(sent, one.notice, fault)
            self._record_end("notice.sent", one)
            sent += 1
        return _Resent(sent)

    def _left_by_others(self, channel: NoticeChannel) -> Sequence[Queued]:
        """What earlier commands left; what another one has just queued it sends itself."""
        now = self._clock()
        found = [each for each in self._waiting() if each.channel == channel.name and is_settled(each, now)]
        return found[:AT_ONCE]

    def _records(self) -> Sequence[Record]:
        return self._journal.here(self._journal.log(last=_NEWEST, events=EVENTS))

    def _waiting(self) -> Sequence[Queued]:
        try:
            return outbox(self._records())
        except JournalUnwritable:
            return ()


class _Resent(NamedTuple):
    """How many went out, and where and why it ended before the last one."""

    sent: int
    at: Notice = Notice(kind="test")
    fault: NotSent | None = None


def _deliver(channel: NoticeChannel, document: bytes, notice: Notice, deadline: float) -> NotSent | None:
    """Send it, again where that may help and there is time; answers why it did not go out."""
    for pause in (*PAUSES, None):
        try:
            channel.send(document, notice, max(0.1, deadline - time.monotonic()))
        except NotSent as fault:
            if pause is None or not fault.again or time.monotonic() + pause >= deadline:
                return fault
            time.sleep(pause)
        else:
            break
    return None


class _Attempt:
    """Something that is done in a thread of its own, and given up when its time is over: nothing can hold it."""

    def __init__(self, work: Callable[[], NotSent | None]) -> None:
        self._found: NotSent | None = NotSent("not-run")
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], NotSent | None]) -> None:
        self._found = work()

    def result(self, deadline: float) -> NotSent | None:
        """Why it failed, if it did. Waits until the deadline, and a moment for what is just ending."""
        self._thread.join(max(0.0, deadline - time.monotonic()) + _MOMENT)
        return NotSent("timed-out") if self._thread.is_alive() else self._found


_MOMENT = 0.3


def _undelivered(
    notice: Notice, channel: Channel, failure: Failure, *, status: int = 0, field: str = "", queued: bool = True
) -> Undelivered:
    return Undelivered(
        kind=notice.kind,
        lane=notice.lane,
        channel=channel,
        failure=failure,
        status=status,
        field=field,
        queued=queued,
    )
