"""Runs the gateway on granian until a signal comes (docs/adr/0027).

The URL is printed once the port accepts connections. At the first signal readiness drops; after the drain delay, in
which load balancers notice, no new connection is accepted, and requests in progress have `drain_seconds` to finish.
SIGTERM ends with exit code 0, SIGINT with 130; a second signal ends at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server as Granian

from llm_connect.web.listening import CannotListen

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

HEADER_SECONDS = 75
"""For the whole head of a request, and for an idle connection until its next one. Longer than clients keep an idle
connection (urllib3, aiohttp and undici: up to 60), so that none of them finds it closed."""
_MAX_HEADER_BYTES = 64 * 1024
MIN_CONNECTIONS = 4096
"""A connection takes 18 KB, and 82 with a whole head, before anything is known of who is there."""
_BACKLOG = 2048
_CHECK_SECONDS = 0.01
_LAST_ANSWER_SECONDS = 2.0


class Application(Protocol):
    """What is served: an ASGI application for HTTP, with methods for its life."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        ...

    async def start(self) -> None:
        """Open what it needs."""
        ...

    def drain(self) -> None:
        """Report not ready; keep answering requests."""
        ...

    def abort(self) -> None:
        """Give up the requests in progress; each of them gets an error as its answer."""
        ...

    async def stop(self) -> None:
        """Close what is open."""
        ...


class Server:
    """Serves an application on a reserved address.

    Args:
        application: what is served.
        reserved: the address, from `reserve`.
        on_listening: called once connections are accepted.
        drain_delay_seconds: between the signal and the end of new connections.
        drain_seconds: how long requests in progress may then take.
        max_connections: how many may be open; a further one waits until one ends.
    """

    def __init__(
        self,
        application: Application,
        reserved: socket.socket,
        on_listening: Callable[[], None],
        *,
        drain_delay_seconds: float = 0,
        drain_seconds: float = 25,
        max_connections: int = MIN_CONNECTIONS,
    ) -> None:
        self._application = application
        self._reserved = reserved
        self._on_listening = on_listening
        self._drain_delay_seconds = drain_delay_seconds
        self._drain_seconds = drain_seconds
        self._max_connections = max_connections
        self._stop_requested = asyncio.Event()
        self._abort_requested = asyncio.Event()
        self._exit_code = 0

    def stop(self, exit_code: int = 0) -> None:
        """As a signal does: the first call drains, the second one gives up what is left."""
        if self._stop_requested.is_set():
            self._abort_requested.set()
        else:
            self._stop_requested.set()
        self._exit_code = exit_code

    async def run(self) -> int:
        """Serve until `stop` is called; returns the exit code."""
        host, port = self._reserved.getsockname()[:2]
        granian = Granian(
            self._application,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=_MAX_HEADER_BYTES),
            websockets=False,
            backlog=_BACKLOG,
            backpressure=self._max_connections,
            log_enabled=False,
        )
        await self._application.start()
        serving = asyncio.create_task(granian.serve())
        try:
            await self._listening(serving, host, port)
            self._reserved.close()
            self._on_listening()
            await _first(self._stop_requested.wait(), None, serving)
            if serving.done():
                await serving  # it ended by itself: whatever it raised is the reason
                raise CannotListen(f"the server on {host}:{port} ended unexpectedly")
            await self._drain(granian, serving)
        finally:
            await self._application.stop()
        return self._exit_code

    async def _listening(self, serving: asyncio.Task[None], host: str, port: int) -> None:
        while not serving.done():
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                await writer.wait_closed()
                if not serving.done():  # otherwise it is another server that accepts connections there
                    return
            await asyncio.sleep(_CHECK_SECONDS)
        raise CannotListen(f"cannot listen on {host}:{port}: {serving.exception()}")

    async def _drain(self, granian: Granian, serving: asyncio.Task[None]) -> None:
        self._application.drain()
        await _first(self._abort_requested.wait(), self._drain_delay_seconds)
        granian.stop()  # type: ignore[no-untyped-call]
        await _first(self._abort_requested.wait(), self._drain_seconds, serving)
        if not serving.done():
            self._application.abort()
            await asyncio.wait([serving], timeout=_LAST_ANSWER_SECONDS)
        serving.cancel()  # clients that do not read their answer are left behind
        await asyncio.gather(serving, return_exceptions=True)


async def _first(event: Awaitable[object], seconds: float | None, *others: asyncio.Task[None]) -> None:
    """Wait for the event, the time or one of the others, whatever comes first."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait([waiting, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
