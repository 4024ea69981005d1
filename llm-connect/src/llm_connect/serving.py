"""Running an ASGI application until a signal comes.

The address is announced once the socket listens. SIGTERM ends with exit code 0, SIGINT with 130, both after the
requests under way are answered or `drain_seconds` are over; a second signal ends at once.
"""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from starlette.types import ASGIApp

INTERRUPTED = 130
_BACKLOG = 2048
_LAST_ANSWER_SECONDS = 0.2


class CannotListen(Exception):
    """The address cannot be used; `str()` says why."""


class Server(uvicorn.Server):
    """uvicorn with an announcement and with signals that decide the exit code."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce
        self.exit_code = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, then announce."""
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Ours, because uvicorn's raises the signal again afterwards: SIGTERM would then end with 143."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop, 0)
        loop.add_signal_handler(signal.SIGINT, self._stop, INTERRUPTED)
        yield

    def _stop(self, exit_code: int) -> None:
        if self.should_exit:
            self._give_up()
        self.should_exit = True
        self.exit_code = exit_code

    def _give_up(self) -> None:
        """Cancel what is under way: each request still gets its answer, and the application its shutdown.

        Not by uvicorn's force_exit, which skips the shutdown and logs a traceback for it.
        """
        for task in self.server_state.tasks:
            task.cancel()
        asyncio.get_running_loop().call_later(_LAST_ANSWER_SECONDS, self._abort_connections)

    def _abort_connections(self) -> None:
        """Leave those that do not read their answer."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol):
                connection.transport.abort()


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises:
        CannotListen: the host is unknown here, or the port is taken or not permitted.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _bound(family, address)
    except (OSError, UnicodeError) as error:
        reason = "the port is taken" if getattr(error, "errno", None) == errno.EADDRINUSE else _reason(error)
        raise CannotListen(f"{host}:{port} cannot be listened on: {reason}") from None


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it answers on a kept connection
    # wait 40 ms for an acknowledgement. socket.create_server() leaves it 0.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or "no usable host name").lower()


def url_of(sock: socket.socket) -> str:
    """The http URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"http://{host}:{port}"


def announce_url(url: str) -> None:
    """The one line on standard output that whoever started us waits for."""
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def configured(app: ASGIApp, drain_seconds: int, protocol: type[H11Protocol] = H11Protocol) -> uvicorn.Config:
    """The configuration of uvicorn: our own logs, no server header, no websockets."""
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=drain_seconds,
    )


def serve(config: uvicorn.Config, sock: socket.socket, announce: Callable[[], None]) -> int:
    """Serve on `sock` until a signal comes; gives the exit code."""
    server = Server(config, announce)
    server.run(sockets=[sock])
    return server.exit_code
