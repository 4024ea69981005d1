"""Writes that go together: the first is written at once, and what comes within a millisecond after it together.

What nobody waits for goes with the next that somebody does, or after twenty milliseconds. It is done on the loop's own
thread: a few hundred bytes into the operating system's cache, which takes some microseconds, where handing them to a
thread and hearing back took milliseconds under load (docs/adr/0018). What does wait for a disk, SQLite's checkpoint,
has a thread.
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
MOST_KEPT = 100_000
_AGAIN_SECONDS = 0.5
_SOON_SECONDS = 0.02
_APART_SECONDS = 0.001


class Unwritable(Exception):
    """It could not be written; `str()` says why."""


class Written(asyncio.CancelledError):
    """Who waited was cancelled in the moment in which it was written."""


class Writer(Generic[T]):
    """Gathers items and gives them to `write`, in their order.

    Args:
        name: what is written, for the log.
        write: writes all of a batch or nothing; raises OSError, sqlite3.Error or OverflowError.
    """

    def __init__(self, name: str, write: Callable[[Sequence[T]], None]) -> None:
        self._name = name
        self._write = write
        self._awaited: list[tuple[T, asyncio.Future[None]]] = []
        self._kept: deque[T] = deque(maxlen=MOST_KEPT)
        self._due: asyncio.Handle | None = None
        self._due_at = 0.0
        self._written_at = 0.0
        self._failing: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _running(self) -> asyncio.AbstractEventLoop:
        """The event loop, found out once: Python 3.11 asks the system for the process's number each time."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def unwritable(self) -> bool:
        """The last write failed, and what is kept is tried again twice a second: it ends by itself."""
        return self._failing is not None and bool(self._kept)

    async def put(self, item: T) -> None:
        """Write it: at once where nothing was written within the last millisecond, else with what comes until then.

        Raises:
            Unwritable, asyncio.CancelledError: it was not written, and will not be.
            Written: cancelled, and it was.
        """
        if self._failing is not None and self._kept:  # much may be kept: it is not tried again for each that comes
            raise Unwritable(self._failing)
        loop = self._running()
        if not self._awaited and loop.time() >= self._written_at + _APART_SECONDS:
            if problem := self._flush_with([item]):
                raise Unwritable(problem)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._awaited.append((item, future))
        self._plan(0)
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled() or future.exception() is not None:
                raise
            raise Written from None

    def put_soon(self, item: T) -> None:
        """Write it as soon as it can be; of very many that cannot, the oldest are dropped."""
        self._kept.append(item)
        if self._due is None:
            self._plan(_SOON_SECONDS)

    def _plan(self, seconds: float) -> None:
        """Write after `seconds`, and no sooner than a millisecond after the last time; sooner wins over later."""
        loop = self._running()
        at = max(loop.time() + seconds, self._written_at + _APART_SECONDS)
        if self._due is not None:
            if self._due_at <= at:
                return
            self._due.cancel()
        self._due_at = at
        self._due = loop.call_at(at, self.flush) if at > loop.time() else loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is there, but for those who left."""
        awaited, self._awaited = [each for each in self._awaited if not each[1].done()], []
        problem = self._flush_with([item for item, _ in awaited])
        for _, future in awaited:
            if problem:
                future.set_exception(Unwritable(problem))
            else:
                future.set_result(None)

    def _flush_with(self, items: Sequence[T]) -> str | None:
        """Write what is kept, and these after it; gives why that failed. What is kept is tried again later."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._written_at = self._running().time()
        problem = self._problem([*self._kept, *items])
        if problem is None:
            self._kept.clear()
        elif self._kept:
            self._plan(_AGAIN_SECONDS)
        return problem

    def _problem(self, items: Sequence[T]) -> str | None:
        if not items:
            return None
        try:
            self._write(items)
        except (OSError, sqlite3.Error, OverflowError) as error:  # the last: a number that no database holds
            problem = getattr(error, "strerror", None) or str(error)
            if self._failing is None:
                logger.error("not writable", extra={"fields": {"what": self._name, "problem": problem}})
            self._failing = problem
            return problem
        if self._failing is not None:
            logger.info("writable again", extra={"fields": {"what": self._name}})
        self._failing = None
        return None

    def close(self) -> None:
        """Write what is left, once more at most."""
        if self._due is not None:
            self._due.cancel()
        self.flush()
        if self._due is not None:
            self._due.cancel()
