"""A server that a test writes byte by byte, and that leaves nothing open when the test is over."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection, which is closed afterwards; it may be ended anywhere by the other side or the test."""


@contextlib.asynccontextmanager
async def listening(
    serve: Serve, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The port."""
    tasks: set[asyncio.Task[None] | None] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(served, host, port, ssl=tls, limit=2**20) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for task in filter(None, tasks):
                task.cancel()
            await asyncio.gather(*filter(None, tasks), return_exceptions=True)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)  # the loop closes what was aborted in its next turns


@contextlib.contextmanager
def full(host: str, port: int = 0) -> Iterator[int]:
    """The port of a listener that takes no connection any more: whoever asks it for one hears nothing."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
