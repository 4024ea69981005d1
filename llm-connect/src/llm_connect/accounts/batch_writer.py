"""Writes what comes in one turn of the event loop together.

What nobody waits for is written with the next item that somebody waits for, or after 20 milliseconds. The write runs on
the event loop's own thread: it hands a few hundred bytes to the operating system's cache, which takes microseconds; a
thread took milliseconds under load (docs/adr/0018). What does wait for a disk, SQLite's checkpoint, runs in a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from llm_connect.common.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
MAX_KEPT = 100_000
_RETRY_SECONDS = 0.5
_SOON_SECONDS = 0.02


class WriteFailed(Exception):
    """It could not be written; `str()` says why."""


class CancelledAfterWrite(asyncio.CancelledError):
    """The waiting task was cancelled, but its item had just been written."""


class BatchWriter(Generic[T]):
    """Collects items and gives them to `write`, in order.

    Args:
        name: what is written, for the log.
        write: writes all of a batch or nothing; raises OSError, sqlite3.Error or OverflowError.
    """

    def __init__(self, name: str, write: Callable[[Sequence[T]], None]) -> None:
        self._name = name
        self._write = write
        self._awaited: list[tuple[T, asyncio.Future[None]]] = []
        self._kept: deque[T] = deque(maxlen=MAX_KEPT)
        self._planned: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._failure: str | None = None

    @property
    def unwritable(self) -> bool:
        """Whether the last write failed. What is kept is tried again twice a second, so this ends by itself."""
        return self._failure is not None and bool(self._kept)

    async def put(self, item: T) -> None:
        """Write the item, and return when it is written.

        Raises:
            WriteFailed, asyncio.CancelledError: it was not written, and will not be.
            CancelledAfterWrite: cancelled, but it was written.
        """
        if self._failure is not None and self._kept:  # a lot may be kept: it is not tried again for every item
            raise WriteFailed(self._failure)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append((item, future))
        self._plan()
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled() or future.exception() is not None:
                raise
            raise CancelledAfterWrite from None

    def _plan(self) -> None:
        """Write in the next turn of the event loop."""
        if self._planned is None:
            self._planned = asyncio.get_running_loop().call_soon(self.flush)

    def put_soon(self, item: T) -> None:
        """Write the item as soon as possible. Of very many that cannot be written, the oldest are dropped."""
        self._kept.append(item)
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_SOON_SECONDS, self.flush)

    def flush(self) -> None:
        """Write everything now, except what somebody waited for who was cancelled."""
        self._cancel_timers()
        awaited, self._awaited = [each for each in self._awaited if not each[1].done()], []
        problem = self._try([*self._kept, *(item for item, _ in awaited)])
        for _, future in awaited:
            if problem:
                future.set_exception(WriteFailed(problem))
            else:
                future.set_result(None)
        if problem is None:
            self._kept.clear()
        elif self._kept:
            self._later = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self.flush)

    def _cancel_timers(self) -> None:
        for handle in (self._planned, self._later):
            if handle is not None:
                handle.cancel()
        self._planned = self._later = None

    def _try(self, items: Sequence[T]) -> str | None:
        """Write them; the reason where that failed."""
        if not items:
            return None
        try:
            self._write(items)
        except (OSError, sqlite3.Error, OverflowError) as error:  # the last: a number too large for the database
            problem = getattr(error, "strerror", None) or str(error)
            if self._failure is None:
                logger.error("not writable", extra={"fields": {"what": self._name, "problem": problem}})
            self._failure = problem
            return problem
        if self._failure is not None:
            logger.info("writable again", extra={"fields": {"what": self._name}})
        self._failure = None
        return None

    def close(self) -> None:
        """Write what is left, with one attempt."""
        self.flush()
        self._cancel_timers()
