"""One HTTP exchange over ASGI: what came, what goes back, and what is known of it for log, audit and metrics.

Straight on ASGI, without a framework: docs/adr/0016. Bytes leave the gateway here only, so keys are removed here.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any, cast

from llm_connect.common import strict_json
from llm_connect.common.errors import BadRequest, Fault, GatewayError, TooLarge, TooSlow, invalid_request
from llm_connect.common.json_encoding import encode
from llm_connect.web.disconnect import LEAVING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from llm_connect.common.secret import Redactor
    from llm_connect.web.disconnect import Leaving

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
GONE = 499
"""The status in log and audit of a caller that left; nginx's number, none of HTTP's."""
CALLER_GONE = "caller_gone"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_BODY_SECONDS = 60
_ERROR_EVENT_SECONDS = 1.0
# A client that is still sending does not read: past the limit its body is read and dropped up to here, so that
# it gets the answer instead of a reset.
_DROPPED_AT_MOST = 64 * 1024 * 1024


class Exchange:
    """One request and its answer.

    Attributes:
        task: the one that serves it.
        arrived: the event loop's time.
        fields: what log and audit tell of it, beside id, method, path, status and time.
        status: what was answered; None as long as nothing was.
        caller: who called, by the name that is declared for it.
        content: what was answered, for audit records that hold content.
        audited: a call was begun for it, in the audit record.
        gone: the caller left before the answer was whole.
        overdue: the time it had is over; the error that it ends with.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, redactor: Redactor) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
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
        self.audited = False
        self.finished = False
        self._began = time.perf_counter()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._ends_at = 0.0
        self._overdue: Callable[[], GatewayError] = _body_slow
        self._leaving: Leaving = scope[LEAVING]
        self._receive = receive
        self._send = send
        self._redactor = redactor
        given = self.headers.get(b"x-request-id")
        # The caller's id if it is a plain one, else a new one: it goes into headers and logs.
        self.request_id = redactor.text(given.decode()) if given and _ID.fullmatch(given) else os.urandom(16).hex()

    @property
    def told_status(self) -> int | None:
        """The status for log, audit and metrics: of a caller that left, also where its stream had begun, GONE."""
        return GONE if self.fields.get("type") == CALLER_GONE else self.status

    @property
    def milliseconds(self) -> float:
        """Since it arrived."""
        return round((time.perf_counter() - self._began) * 1000, 1)

    async def json(self, limit: int) -> Any:
        """The JSON document in the body.

        Raises:
            BadRequest: another content type (which a web page could send here without asking), or no JSON.
            TooLarge: more than `limit` bytes.
            asyncio.CancelledError: the body is not whole within a minute; `overdue` is a TooSlow then.
        """
        self.limit(self.arrived + _BODY_SECONDS, _body_slow)
        octets = await self._body(limit)
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != JSON:
            raise invalid_request([Fault("header content-type", "is another or missing", "application/json")])
        try:
            return strict_json.loads(octets)
        except strict_json.NotJson as found:
            raise BadRequest("invalid_json", f"the body cannot be read as JSON: {found}") from None

    async def _body(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more and size <= _DROPPED_AT_MOST:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True  # nobody reads the answer; the type keeps the log from calling it a fault of ours
                raise BadRequest("body_cut", "the caller left before the body was whole")
            part = message.get("body", b"")
            size += len(part)
            if size <= limit:
                parts.append(part)
            more = message.get("more_body", False)
        if size > limit:
            raise TooLarge("body_too_large", f"the body is larger than {limit} bytes; nothing was called")
        return b"".join(parts)

    def limit(self, at: float, overdue: Callable[[], GatewayError]) -> None:
        """Cancel the task that serves it at this time of the event loop, and no longer at the one said before.

        Args:
            at: when.
            overdue: the error that it then ends with.
        """
        self._ends_at, self._overdue = at, overdue
        if self._timer is not None:
            if self._timer_at <= at:  # the usual case: it looks again when it comes
                return
            self._timer.cancel()
        self._wait(at)

    def _wait(self, at: float) -> None:
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._time_is_over)

    def _time_is_over(self) -> None:
        if self._loop.time() < self._ends_at:
            self._wait(self._ends_at)
            return
        self.overdue = self._overdue()
        self.task.cancel()

    def watch(self) -> None:
        """Cancel the task that serves it when the caller leaves; a connection closed for sending counts as left."""
        self._leaving.tell(self._left)

    def _left(self) -> None:
        if not self.finished:
            self.gone = True
            self.task.cancel()

    def over(self) -> None:
        """Nothing is to be cancelled any more."""
        self._leaving.tell_no_more(self._left)
        if self._timer is not None:
            self._timer.cancel()

    async def answer(
        self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = (), kind: bytes = JSON
    ) -> None:
        """A whole answer."""
        octets = self._redactor.octets(body)
        await self._start(status, kind, (*headers, (b"content-length", str(len(octets)).encode())))
        self.finished = True
        await self._send({"type": "http.response.body", "body": octets})

    async def answer_json(self, status: int, body: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """A whole answer in JSON."""
        await self.answer(status, encode(body), headers)

    async def error(self, error: GatewayError, body: dict[str, Any]) -> None:
        """An error as a whole answer, or as the last event of a stream that has begun."""
        if self.finished:
            return
        if self.status is not None:
            async with asyncio.timeout(_ERROR_EVENT_SECONDS):  # a reader that does not read would hold us for ever
                await self.event(encode(body))
                await self.end()
            return
        headers = [(b"x-should-retry", b"true" if error.worth_asking_again else b"false")]
        if error.retry_after:
            headers.append((b"retry-after", error.retry_after.encode("latin-1", "replace")))
        headers += [(name.encode(), value.encode()) for name, value in error.headers.items()]
        await self.answer_json(error.status, body, headers)

    async def begin_events(self) -> None:
        """Begin a stream of events; `x-accel-buffering` asks a proxy in front not to gather them."""
        self.fields["first_event_ms"] = self.milliseconds
        await self._start(200, EVENTS, ((b"x-accel-buffering", b"no"),))

    async def event(self, data: bytes) -> None:
        """One event."""
        octets = b"data: " + self._redactor.octets(data) + b"\n\n"
        await self._send({"type": "http.response.body", "body": octets, "more_body": True})

    async def sign_of_life(self) -> None:
        """A comment: for whoever counts the time without a byte on this connection."""
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
            (b"x-request-id", self.request_id.encode()),
        )
        await self._send({"type": "http.response.start", "status": status, "headers": [*common, *headers]})


def _body_slow() -> GatewayError:
    return TooSlow("body_slow", f"the body was not whole within {_BODY_SECONDS} s; nothing was called")
