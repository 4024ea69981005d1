"""Running an ASGI application until a signal comes.

The address is announced once the socket listens. At a signal the application is told first, so that it is no longer
ready; after a delay, in which whoever looks at readiness notices, no new connection is taken, and requests under way
have until `drain_seconds` are over. SIGTERM ends with exit code 0, SIGINT with 130; a second signal ends at once.
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

import httptools
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_connect.web.disconnect import LEAVING, Leaving

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable


INTERRUPTED = 130
_BACKLOG = 2048
_LAST_ANSWER_SECONDS = 0.2
_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep theirs (urllib3, aiohttp and undici: up to 60), so that none finds its connection closed."""
_REQUEST_SECONDS = 30
_GATHERED_BYTES = 16 * 1024
_MOST_BESIDE_BYTES = 64 * 1024
"""Of a head, or of what comes between two pieces of a body and after its last (chunk extensions, trailers)."""
_OFFERING = frozenset({b"upgrade", b"http2-settings"})
_HEAD_TOO_LARGE = b"The head of the request is too large."
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"


class CannotListen(Exception):
    """The address cannot be used; `str()` says why."""


class Gathering:
    """A transport that writes what comes within one turn of the event loop at once: head and body in one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write it, soon."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > _GATHERED_BYTES:  # only what was given on can tell that the client does not read
            self.flush()

    def flush(self) -> None:
        """Write it now."""
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Close after what was written."""
        self.flush()
        self._transport.close()


class Parser(httptools.HttpRequestParser):
    """httptools', which goes on in HTTP/1.1 behind an offer to change the protocol.

    Nobody has to take one (RFC 9110, 7.8), and httptools takes what follows the head for the other protocol: the body,
    too. Java's own client makes one (h2c) in its first request to each address without TLS.
    """

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        self._protocol = protocol

    def feed_data(self, data: bytes | memoryview) -> None:  # type: ignore[override]  # nothing else comes
        """See httptools."""
        parser, rest = self, memoryview(data)
        while True:  # each of many requests in one piece may have an offer
            try:
                super(Parser, parser).feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                head = self._protocol.without_offer()
                if head is None:
                    raise
                parser = self._protocol.parser = Parser(self._protocol)
                super(Parser, parser).feed_data(head)
                rest = rest[offer.args[0] :]
            else:
                return


class Protocol(HttpToolsProtocol):
    """uvicorn's, which gives up on a client that does not send the head of its request within a time and a size."""

    _timer: asyncio.TimerHandle | None = None
    _beside = 0
    _refused = False
    _offered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's, and wait for a request."""
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]  # as good as a transport
        self._leaving = Leaving()
        self.parser = Parser(self)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; data outside of a request is the beginning of one."""
        self._beside += len(data)
        super().data_received(data)
        if self._beside > _MOST_BESIDE_BYTES:
            self._refuse()
        elif self._in_request():
            self._forget()
        elif self._timer is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """As uvicorn's; a head that came at once, with all that follows it, is measured here."""
        if self._beside > _MOST_BESIDE_BYTES and _octets(self.url, self.headers) > _MOST_BESIDE_BYTES:
            self._refuse()
        elif self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._offered = True  # what follows is not known yet
        else:
            super().on_headers_complete()

    def without_offer(self) -> bytes | None:
        """The head that offered another protocol, without the offer; None where there was none."""
        if not self._offered:
            return None
        self._offered = False
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        return line + b"".join(b"%b: %b\r\n" % header for header in _without_offer(self.headers)) + b"\r\n"

    def on_body(self, body: bytes) -> None:
        """As uvicorn's."""
        self._beside = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """As uvicorn's."""
        self._beside = 0
        if not self._refused and not self._offered:
            super().on_message_complete()

    def on_message_begin(self) -> None:
        """As uvicorn's; the application finds in its scope who tells it that the client left."""
        super().on_message_begin()
        self.scope[LEAVING] = self._leaving  # type: ignore[literal-required]  # ours, beside ASGI's own

    def on_response_complete(self) -> None:
        """As uvicorn's, after the answer went out: log, metrics and audit come after it and need not be waited for."""
        self.transport.flush()  # type: ignore[attr-defined]  # it is a Gathering
        super().on_response_complete()

    def eof_received(self) -> None:
        """A client that stops sending within its request has left: nothing is written to it any more.

        Else the transport would wait until it has read what is there, and the provider's call would go on meanwhile.
        """
        if self._in_request():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._forget()
        super().connection_lost(exc)
        self._leaving.happened()

    def _expect(self) -> None:
        self._timer = self.loop.call_later(_REQUEST_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self) -> None:
        """Nobody who has not said who they are yet fills the memory, nor the time of the event loop."""
        self._refused = True
        if self._in_request():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.logger.warning("the head of a request was too large")
            told = f"content-length: {len(_HEAD_TOO_LARGE)}\r\nconnection: close\r\n\r\n".encode()
            self.transport.write(_REFUSAL + told + _HEAD_TOO_LARGE)
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, where it is the answer to what is no HTTP, and would not be taken for that to another request.

        What comes after a whole request is none of it: with that one's answer still due, nothing else is answered.
        """
        cycle: Any = self.cycle
        if self._in_request() and (self.pipeline or not cycle.more_body):
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def _in_request(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, which uvicorn's types do not say
        return cycle is not None and not cycle.response_complete

    def _give_up(self) -> None:
        self._timer = None
        if not self._in_request() and not self.transport.is_closing():
            self.transport.close()


def _without_offer(headers: Iterable[tuple[bytes, bytes]]) -> Generator[tuple[bytes, bytes], None, None]:
    for name, value in headers:
        if name == b"connection":
            options = [each.strip() for each in value.split(b",")]
            yield name, b", ".join(each for each in options if each.lower() not in _OFFERING)
        elif name not in _OFFERING:
            yield name, value


def _octets(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Of a head, without the signs between its parts."""
    return len(url) + sum(len(name) + len(value) for name, value in headers)


class Server(uvicorn.Server):
    """uvicorn with an announcement and with signals that decide the exit code.

    Args:
        config: uvicorn's.
        announce: called once it listens.
        before_stop: called at the first signal.
        delay_seconds: between that and the end of new connections.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        announce: Callable[[], None],
        before_stop: Callable[[], None] | None = None,
        delay_seconds: float = 0,
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._before_stop = before_stop
        self._delay_seconds = delay_seconds
        self._signalled = False
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
        self.exit_code = exit_code
        if self._signalled:
            self.should_exit = True
            self._give_up()
            return
        self._signalled = True
        if self._before_stop is not None:
            self._before_stop()
        if self._delay_seconds:
            asyncio.get_running_loop().call_later(self._delay_seconds, self._exit)
        else:
            self._exit()

    def _exit(self) -> None:
        self.should_exit = True

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
            if isinstance(connection, H11Protocol | HttpToolsProtocol):
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


def configured(app: Any, drain_seconds: int, protocol: type[asyncio.Protocol] = Protocol) -> uvicorn.Config:
    """The configuration of uvicorn: our own logs, no server header, no websockets, uvloop."""
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds,
    )


def serve(server: Server, sock: socket.socket) -> int:
    """Serve on `sock` until a signal comes; gives the exit code."""
    server.run(sockets=[sock])
    return server.exit_code
