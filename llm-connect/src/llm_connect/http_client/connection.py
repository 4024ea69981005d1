"""One HTTP/1.1 connection to a server: a request goes out, its answer comes in.

Sockets and TLS are the event loop's; what comes is taken apart by llhttp, the parser of Node.js, which httptools has
for uvicorn too. Source: RFC 9112 ("HTTP/1.1").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping

_AHEAD_BYTES = 64 * 1024
"""So much of a body is read before somebody asks for it; then the server has to wait."""
_MOST_BESIDE_BYTES = 256 * 1024
"""Of a head, or of what comes between two pieces of a body and after its last (chunk extensions, trailers)."""
_LARGE_REQUEST_BYTES = 64 * 1024
_INFORMATIONAL = range(100, 200)
_REFUSALS = range(400, 600)


class Malformed(Exception):
    """What the server sent is no HTTP."""


class Ended(Exception):
    """The connection ended, and the answer was not whole."""


class Connection(asyncio.Protocol):
    """An open connection; its requests follow one another.

    Attributes:
        status: of the answer, as soon as `head` came.
        headers: of the answer, with lower-case names; of one that is given twice the last.
        idle_since: the event loop's time when it was given back.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.idle_since = 0.0
        self._loop = loop
        self._kept = False
        self._large = False
        self._asked = False
        self._headed = False
        self._whole = False
        self._failure: Exception | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._beside = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """The answer is whole and was read to its end, and the server keeps the connection for another request."""
        return self._kept and not self._parts

    def ask(self, octets: bytes, body: bytes) -> None:
        """Send a request.

        Args:
            octets: request line and headers, with the empty line after them.
            body: what follows.
        """
        self.headers = {}
        self._kept = self._headed = self._whole = False
        self._beside = 0
        self._large = len(body) > _LARGE_REQUEST_BYTES
        self._asked = True
        self._transport.writelines((octets, body))  # at once: two writes are two packets

    async def head(self, seconds: float | None) -> None:
        """Wait for `status` and `headers`.

        Args:
            seconds: how long; None has no limit.

        Raises:
            TimeoutError: that is over.
            Malformed, Ended: see there.
        """
        while not self._headed:
            await self._news(seconds)

    async def read(self, seconds: float) -> bytes:
        """What came of the body since it was asked last; empty at its end.

        Args:
            seconds: how long to wait where nothing came.

        Raises:
            TimeoutError, Malformed, Ended: as `head`.
        """
        while not self._parts:
            if self._whole:
                return b""
            await self._news(seconds)
        octets = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return octets

    def abort(self) -> None:
        """Close it at once."""
        self._kept = False
        self._transport.abort()

    async def _news(self, seconds: float | None) -> None:
        if self._failure is not None:
            raise self._failure
        waiter = self._waiter = self._loop.create_future()
        if seconds is None:
            await waiter
            return
        # Not asyncio.timeout, which takes four times as long to set up and to take down.
        timer = self._loop.call_later(seconds, _time_is_over, waiter)
        try:
            await waiter
        finally:
            timer.cancel()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _break(self, why: str) -> None:
        self._fail(Malformed(why))
        self._transport.abort()

    def _fail(self, failure: Exception) -> None:
        """From now on nothing comes; an answer that is whole by then stays one."""
        self._kept = False
        if self._failure is None:
            self._failure = failure
        self._wake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._asked:  # nothing is due: whatever it is, it must not be taken for the next answer
            self.abort()
            return
        self._beside += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break(str(error))
            return
        if self._beside > _MOST_BESIDE_BYTES and not self._whole:
            self._break(f"there are more than {_MOST_BESIDE_BYTES} bytes beside the body")
        elif self._size > _AHEAD_BYTES and not self._paused and not self._whole:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """See asyncio.Protocol; the end of the connection is the end of a body that nothing else ends."""
        if self._headed and _ends_with_the_connection(self.headers):
            self._whole = True
        self._fail(Ended())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See asyncio.Protocol."""
        self._fail(Ended())

    def on_message_begin(self) -> None:
        """See httptools; a second answer to one request is nobody's, and no third one is waited for."""
        if self._whole:
            self._kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools; what comes after the body (a trailer) is dropped."""
        if not self._headed:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._whole:
            return
        self.status = self._parser.get_status_code()
        self._headed = self.status not in _INFORMATIONAL
        if self._headed:
            self._wake()

    def on_body(self, octets: bytes) -> None:
        """See httptools."""
        if self._whole:
            return
        self._beside = 0
        self._parts.append(octets)
        self._size += len(octets)
        self._wake()

    def on_message_complete(self) -> None:
        """See httptools."""
        if self._whole:
            return
        if not self._headed:  # an interim answer, 100 for one; the answer is still to come
            self.headers = {}
            return
        self._whole, self._asked = True, False
        self._kept = self._sent() and self._parser.should_keep_alive()
        self._wake()

    def _sent(self) -> bool:
        """Whether the request has gone out: a server may refuse it before it has read all of it.

        What TLS has passed on to the socket's buffer cannot be asked for, so a large request that was refused counts
        as not sent.
        """
        refused = self._large and self.status in _REFUSALS
        return not refused and self._transport.get_write_buffer_size() == 0


def _ends_with_the_connection(headers: Mapping[str, str]) -> bool:
    return "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower()


def _time_is_over(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
