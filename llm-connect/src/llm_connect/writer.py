"""One thread that writes to a disk: what comes while it writes is written together the next time.

So that an event loop never waits for a disk, and that many requests at once cost about as many writes as one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from llm_connect.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
MOST_KEPT = 100_000
_AGAIN_SECONDS = 0.5


class Unwritable(Exception):
    """It could not be written; `str()` says why."""


class Writer(Generic[T]):
    """Gathers items and gives them to `write` in their order, in a thread of its own.

    Args:
        name: of the thread, and in the log.
        write: writes all of a batch or nothing; raises OSError or sqlite3.Error.
    """

    def __init__(self, name: str, write: Callable[[Sequence[T]], None]) -> None:
        self._name = name
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._pending: list[tuple[T, asyncio.Future[None] | None]] = []
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    async def put(self, item: T) -> None:
        """Write it.

        Raises:
            Unwritable: it was not written, and will not be.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((item, future))
        self._wake()
        await future

    def put_soon(self, item: T) -> None:
        """Write it as soon as it can be; of very many that cannot, the oldest is dropped."""
        self._pending.append((item, None))
        if len(self._pending) > MOST_KEPT:
            del self._pending[0]
        self._wake()

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            problem = await self._written([item for item, _ in batch])
            for _, future in batch:
                if future is not None and not future.done():
                    future.set_exception(Unwritable(problem)) if problem else future.set_result(None)
            if problem:
                self._pending = [entry for entry in batch if entry[1] is None] + self._pending
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _written(self, items: Sequence[T]) -> str | None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._write, items)
        except (OSError, sqlite3.Error) as error:
            problem = getattr(error, "strerror", None) or str(error)
            if not self._failing:
                logger.error("not writable", extra={"fields": {"what": self._name, "problem": problem}})
            self._failing = True
            return problem
        if self._failing:
            logger.info("writable again", extra={"fields": {"what": self._name}})
        self._failing = False
        return None

    async def close(self) -> None:
        """Write what is left, once more at most, and end the thread."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        left = [item for item, _ in self._pending]
        if left:
            await self._written(left)
        self._thread.shutdown()
