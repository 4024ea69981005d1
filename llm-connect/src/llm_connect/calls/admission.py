"""How many calls are under way at once, and how many may wait for a place."""

from __future__ import annotations

import asyncio

from llm_connect.common.errors import Unavailable


class Admission:
    """Places for calls.

    Args:
        places: calls at once.
        queue: calls that may wait; a further one is refused at once.
    """

    def __init__(self, places: int, queue: int) -> None:
        self._semaphore = asyncio.Semaphore(places)
        self._queue = queue
        self.waiting = 0
        self.under_way = 0

    async def enter(self) -> None:
        """Take a place, as soon as there is one; the time of waiting counts to the deadline of the call.

        Raises:
            Unavailable: the queue is full.
        """
        if self._semaphore.locked():
            await self._wait()
        else:
            await self._semaphore.acquire()
        self.under_way += 1

    def leave(self) -> None:
        """Give the place to the next one."""
        self.under_way -= 1
        self._semaphore.release()

    async def _wait(self) -> None:
        if self.waiting >= self._queue:
            message = f"the gateway has as many calls under way as it takes, and {self._queue} wait; nothing was called"
            raise Unavailable("gateway_busy", message, retry_after="1")
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1
