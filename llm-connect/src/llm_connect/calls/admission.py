"""Limits how many calls run at once, and how many may wait: in all, and of one caller."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llm_connect.common.errors import Unavailable
from llm_connect.common.fair_slots import FairSlots, QueueFull

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Admission:
    """Slots for calls.

    Args:
        slots: concurrent calls.
        queue: calls that may wait; a further one is refused at once.
        several: whether there are several callers; then one of them gets at most half of each.
    """

    def __init__(self, slots: int, queue: int, *, several: bool = False) -> None:
        share, queue_share = (max(slots // 2, 1), max(queue // 2, 1)) if several else (slots, queue)
        self._slots = FairSlots(slots, share, queue, queue_share)
        self._share, self._queue_share, self._queue = share, queue_share, queue

    @property
    def running(self) -> int:
        """Calls in progress."""
        return self._slots.running

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return self._slots.waiting

    @asynccontextmanager
    async def slot(self, caller: str) -> AsyncGenerator[None, None]:
        """Hold a slot, as soon as there is one; the wait counts towards the deadline of the call.

        Raises:
            Unavailable: the queue is full.
        """
        try:
            async with self._slots.slot(caller):
                yield
        except QueueFull as full:
            raise self._busy(full) from None

    def _busy(self, full: QueueFull) -> Unavailable:
        message = f"all slots are in use, and {self._queue} calls are waiting; nothing was called"
        if full.mine and self._queue_share < self._queue:
            message = (
                f"the caller has all of its share in use: {self._share} calls in progress, and "
                f"{self._queue_share} that wait; nothing was called"
            )
        return Unavailable("gateway_busy", message, retry_after="1")
