"""One HTTP exchange over ASGI: the request, the response, and what log, audit record and metrics need to know of it.

Bytes leave the gateway only here, so keys are removed here.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any, cast

from llm_connect.common.json_encoding import encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from llm_connect.common.errors import GatewayError
    from llm_connect.common.secret import Redactor
    from llm_connect.web.body_memory import Holding

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
CLIENT_CLOSED = 499
"""The status in log and audit record for a caller that left; nginx's number, HTTP has none."""
CALLER_GONE = "caller_gone"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_ERROR_EVENT_SECONDS = 1.0
_PIECE_BYTES = 64 * 1024


class Exchange:
    """One request and its response.

    Attributes:
        address: where it comes from.
        is_http_1_0: it is in HTTP/1.0.
        task: the task that serves it.
        arrived: when it arrived, in the time of the event loop.
        fields: what log and audit record say about it, beside id, method, path, status and time.
        status: the status of the response; None before there is one.
        caller: the declared name of who sent it.
        content: the answer, for audit records with content.
        audited: a call was begun for it in the audit record.
        gone: the caller left before the response was complete.
        overdue: its time is over; the error that it ends with.
        holding: the memory that its body takes.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, redactor: Redactor) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.address: str = (scope.get("client") or ("",))[0]
        self.is_http_1_0 = scope.get("http_version") in ("1", "1.0")  # granian writes the first one
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())  # the server makes one for each request
        self._loop = self.task.get_loop()
        self.arrived = self._loop.time()
        self.fields: dict[str, Any] = {}
        self.caller = "anonymous"
        self.content: Any = None
        self.status: int | None = None
        self.gone = False
        self.overdue: GatewayError | None = None
        self.holding: Holding | None = None
        self.audited = False
        self.finished = False
        self._started = time.perf_counter()
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._receive = receive
        self._send = send
        self._redactor = redactor
        given = self.headers.get(b"x-request-id")
        # The caller's id if it is a plain one, else a new one: it goes into headers and logs.
        self.request_id = redactor.text(given.decode()) if given and _ID.fullmatch(given) else os.urandom(16).hex()

    @property
    def final_status(self) -> int | None:
        """The status for log, audit record and metrics: CLIENT_CLOSED for a caller that left, even within a stream."""
        return CLIENT_CLOSED if self.fields.get("type") == CALLER_GONE else self.status

    @property
    def milliseconds(self) -> float:
        """Time since it arrived."""
        return round((time.perf_counter() - self._started) * 1000, 1)

    async def receive(self) -> Message:
        """The next part of the request, or that the caller is gone."""
        return await self._receive()

    def limit(self, at: float, overdue: Callable[[], GatewayError]) -> None:
        """Cancel the task that serves it at this time of the event loop, instead of at the time set before.

        Args:
            at: when.
            overdue: the error that it then ends with.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._expire, overdue)

    def _expire(self, overdue: Callable[[], GatewayError]) -> None:
        self.overdue = overdue()
        self.task.cancel()

    def watch(self) -> None:
        """Cancel the task that serves it when the caller disconnects. A half-closed connection counts as closed."""
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.finished:
            self.gone = True
            self.task.cancel()

    def close(self) -> None:
        """It is over: nothing cancels it any more, and its body takes no memory."""
        self.release()
        if self.holding is not None:
            self.holding.release()

    def release(self) -> None:
        """Nothing cancels it any more."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def respond(
        self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = (), kind: bytes = JSON
    ) -> None:
        """Send a complete response."""
        octets = self._redactor.octets(body)
        await self._start(status, kind, (*headers, (b"content-length", str(len(octets)).encode())))
        self.finished = True
        # In pieces, each of which waits until the one before was taken: a client that does not read gets no more.
        for start in range(0, max(len(octets), 1), _PIECE_BYTES):
            more = start + _PIECE_BYTES < len(octets)
            piece = octets[start : start + _PIECE_BYTES]
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def respond_json(self, status: int, body: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Send a complete response with a JSON body."""
        await self.respond(status, encode(body), headers)

    async def error(self, error: GatewayError, body: dict[str, Any]) -> None:
        """Send an error: as the response, or as the last event of a stream that has begun."""
        if self.finished:
            return
        if self.status is not None:
            async with asyncio.timeout(_ERROR_EVENT_SECONDS):  # a client that does not read would block this for ever
                await self.event(encode(body))
                await self.end()
            return
        headers = [(b"x-should-retry", b"true" if error.retryable else b"false")]
        if error.retry_after:
            headers.append((b"retry-after", self._redactor.text(error.retry_after).encode("latin-1", "replace")))
        headers += [(name.encode(), self._redactor.text(value).encode()) for name, value in error.headers.items()]
        await self.respond_json(error.status, body, headers)

    async def begin_events(self) -> None:
        """Begin a stream of events; `x-accel-buffering` asks a proxy in front not to buffer them."""
        self.fields["first_event_ms"] = self.milliseconds
        # A body without a length ends with its connection in HTTP/1.0, whatever the client would like (RFC 9112, 9.3).
        closes = ((b"connection", b"close"),) if self.is_http_1_0 else ()
        await self._start(200, EVENTS, ((b"x-accel-buffering", b"no"), *closes))

    async def event(self, data: bytes) -> None:
        """Send one event."""
        octets = b"data: " + self._redactor.octets(data) + b"\n\n"
        await self._send({"type": "http.response.body", "body": octets, "more_body": True})

    async def keep_alive(self) -> None:
        """Send a comment, for clients that limit the time without a byte."""
        await self._send({"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True})

    async def end(self) -> None:
        """End a stream of events."""
        self.finished = True
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, kind: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = status
        common = (
            (b"content-type", kind),
            (b"cache-control", b"no-store"),
            (b"server", b"llm-connect"),
            (b"x-request-id", self.request_id.encode()),
        )
        await self._send({"type": "http.response.start", "status": status, "headers": [*common, *headers]})
