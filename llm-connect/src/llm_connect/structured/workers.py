"""A few processes that compile schemas and match texts, shared among callers so that none of them holds up another.

A process is started when it is needed and kept. The kernel limits its memory and the CPU time of each task (see
worker.py); the time on the clock is limited here. Whatever exceeds a limit costs its own process and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llm_connect.common.fair_slots import FairSlots, QueueFull
from llm_connect.structured.frames import LENGTH, framed

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK_SECONDS = 10.0
"""On the clock, for one task. The CPU time is over sooner, except on a machine that has none left."""
_PROCESSES = 2
_SHARE = 1
_QUEUE, _QUEUE_SHARE = 512, 128
"""How many tasks may wait, in all and of one caller."""


class Exceeded(Exception):
    """A task exceeded a limit; `str()` says which, as the predicate of a sentence."""


class Workers:
    """The processes."""

    def __init__(self) -> None:
        self._slots = FairSlots(_PROCESSES, _SHARE, _QUEUE, _QUEUE_SHARE)
        self._idle: list[_Worker] = []

    async def run(self, caller: str, schema: bytes, text: bytes | None, finish_reason: str | None) -> Mapping[str, Any]:
        """The result of one task.

        Args:
            caller: whose task it is.
            schema: as JSON.
            text: what to validate by it; None to compile it only.
            finish_reason: the provider's, for the text.

        Raises:
            Exceeded: the task needs more time or memory than it may have.
            QueueFull: as many tasks of this caller wait as may wait, or no process can be started.
        """
        head = json.dumps({"finish_reason": finish_reason, "validate": text is not None}).encode()
        task = framed(head, schema, text or b"")
        async with self._slots.slot(caller):
            worker = await self._worker()
            try:
                result = await worker.ask(task)
            except BaseException:  # a cancelled one, too, is in the middle of its task
                await worker.end()
                raise
            if result.pop("retires", False):
                await worker.end()
            else:
                self._idle.append(worker)
            return result

    async def _worker(self) -> _Worker:
        """One that is idle and alive (the kernel ends them first where the machine's memory does), or a new one.

        Raises:
            QueueFull: none can be started now.
        """
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        try:
            return await _Worker.start()
        except OSError:
            raise QueueFull(mine=False) from None

    async def close(self) -> None:
        """End the processes. Tasks in progress end theirs when they are cancelled."""
        while self._idle:
            await self._idle.pop().end()


class _Worker:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "llm_connect.structured.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={},
        )  # fmt: skip
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, task: bytes) -> dict[str, Any]:
        """The last result that comes: a verdict may come before the list of its problems.

        Raises:
            Exceeded: no result comes.
        """
        result: dict[str, Any] = {"unfinished": True}
        try:
            async with asyncio.timeout(TASK_SECONDS):
                self._write(task)
                while result.pop("unfinished", False):
                    result = await self._read()
        except TimeoutError:
            if not result:
                raise Exceeded(f"takes longer than {TASK_SECONDS:g} s") from None
        except (asyncio.IncompleteReadError, OSError):
            if not result:
                raise Exceeded("needs more than its CPU time or memory") from None
        else:
            return result
        return result | {"retires": True}

    def _write(self, task: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(task)

    async def _read(self) -> dict[str, Any]:
        if self._process.stdout is None:
            return {}
        size = int.from_bytes(await self._process.stdout.readexactly(LENGTH))
        result: dict[str, Any] = json.loads(await self._process.stdout.readexactly(size))
        return result

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
