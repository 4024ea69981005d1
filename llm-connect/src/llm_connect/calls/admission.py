"""Limits how many calls run at once, and how many may wait."""

from __future__ import annotations

import asyncio

from llm_connect.common.errors import Unavailable


class Admission:
    """Slots for calls.

    Args:
        slots: concurrent calls.
        queue: calls that may wait; a further one is refused at once.
    """

    def __init__(self, slots: int, queue: int) -> None:
        self._semaphore = asyncio.Semaphore(slots)
        self._queue = queue
        self.waiting = 0
        self.running = 0

    async def enter(self) -> None:
        """Take a slot as soon as there is one; the wait counts towards the deadline of the call.

        Raises:
            Unavailable: the queue is full.
        """
        if self._semaphore.locked():
            await self._wait()
        else:
            await self._semaphore.acquire()
        self.running += 1

    def leave(self) -> None:
        """Give the slot to the next call."""
        self.running -= 1
        self._semaphore.release()

    async def _wait(self) -> None:
        if self.waiting >= self._queue:
            message = f"all slots are in use, and {self._queue} calls are waiting; nothing was called"
            raise Unavailable("gateway_busy", message, retry_after="1")
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1
