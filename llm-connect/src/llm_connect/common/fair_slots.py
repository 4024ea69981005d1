"""Slots that callers share: none of them may take more than its share, and those that wait are served in turn.

One semaphore for everybody serves whoever came first, so that one caller with a crowd of requests holds up all others.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Hashable


class QueueFull(Exception):
    """As many wait already as may wait, in all or of this caller; `mine` says which."""

    def __init__(self, *, mine: bool) -> None:
        super().__init__()
        self.mine = mine


class FairSlots:
    """See the module.

    Args:
        slots: how many may be taken at once.
        share: how many of them one caller may take.
        queue: how many may wait.
        queue_share: how many of one caller may wait.

    Attributes:
        running: slots that are taken.
        waiting: how many wait for one.
    """

    def __init__(self, slots: int, share: int, queue: int, queue_share: int) -> None:
        self._slots, self._share = slots, share
        self._queue, self._queue_share = queue, queue_share
        self._taken: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}  # whose turn is next comes first
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def slot(self, caller: Hashable) -> AsyncGenerator[None, None]:
        """Wait for a slot, and hold it.

        Raises:
            QueueFull: there is none, and the queue is full.
        """
        if self.running < self._slots and self._taken[caller] < self._share:
            self._take(caller)
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._leave(caller)

    def _take(self, caller: Hashable) -> None:
        self.running += 1
        self._taken[caller] += 1

    def _leave(self, caller: Hashable) -> None:
        self.running -= 1
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
        self._serve()

    async def _wait(self, caller: Hashable) -> None:
        own = self._waiting.get(caller, ())
        if len(own) >= self._queue_share or self.waiting >= self._queue:
            raise QueueFull(mine=len(own) >= self._queue_share)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(caller, turn)
            else:  # the slot had just been given
                self._leave(caller)
            raise

    def _forget(self, caller: Hashable, turn: asyncio.Future[None]) -> None:
        if turn not in self._waiting.get(caller, ()):
            return  # it was cancelled, and its turn came, before this could be noted
        self.waiting -= 1
        self._waiting[caller].remove(turn)
        if not self._waiting[caller]:
            del self._waiting[caller]

    def _serve(self) -> None:
        """Give what is free to those that wait: one slot to each caller, then the next one to each."""
        while self.running < self._slots:
            caller = next((each for each in self._waiting if self._taken[each] < self._share), None)
            if caller is None:
                return
            turns = self._waiting.pop(caller)
            turn = turns.popleft()
            if turns:
                self._waiting[caller] = turns  # at the end now
            self.waiting -= 1
            if not turn.done():  # otherwise it was cancelled, and is about to leave
                self._take(caller)
                turn.set_result(None)
