"""One record for each request: its id, its log line, and the last catch for what nobody expected."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from llm_connect.faults import GatewayError, Unavailable
from llm_connect.logs import logger
from llm_connect.web.answers import Answer, error_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from llm_connect.secret import Redactor

HEADER = "x-request-id"
_KEY = "llm_connect.record"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


@dataclass
class Record:
    """What is known of one request so far; `fields` goes into its log line."""

    request_id: str
    fields: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    started: float = field(default_factory=time.monotonic)

    def line(self, scope: Scope) -> dict[str, Any]:
        """The fields of the log line; a path that is no route of ours is not repeated."""
        route = scope.get("route")
        path = scope["path"] if route is not None else "(unknown)"
        milliseconds = round((time.monotonic() - self.started) * 1000, 1)
        place = {"request_id": self.request_id, "method": scope["method"], "path": path}
        return place | {"status": self.status, "ms": milliseconds} | self.fields


def record_of(request: Request) -> Record:
    """The record of a request."""
    record: Record = request.scope[_KEY]
    return record


class Recording:
    """ASGI middleware: gives each request its record, answers what no handler caught, and writes the line."""

    def __init__(self, app: ASGIApp, redactor: Redactor) -> None:
        self._app = app
        self._redactor = redactor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = scope[_KEY] = Record(_request_id(scope))
        await self._recorded(scope, receive, _stamped(send, record), record)
        logger.info("request", extra={"fields": record.line(scope)})

    async def _recorded(self, scope: Scope, receive: Receive, send: Send, record: Record) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            message = "the gateway is stopping and gave the call up; whether the provider served it is unknown"
            await self._last_answer(Unavailable("stopping", message), scope, receive, send)
        except Exception:  # noqa: BLE001 - the last catch: the caller gets the error shape, the log the place
            logger.exception("unexpected", extra={"fields": {"request_id": record.request_id}})
            message = "something unexpected happened in the gateway; its log has the place under this request id"
            await self._last_answer(GatewayError("internal", message), scope, receive, send)

    async def _last_answer(self, error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
        record: Record = scope[_KEY]
        record.fields["type"] = error.type
        if record.status is None:  # else the answer has begun and cannot be changed any more
            answer: Answer = error_answer(error, self._redactor)
            await answer(scope, receive, send)


def _request_id(scope: Scope) -> str:
    """The caller's id if it is a plain one, else a new one: it goes into headers and logs."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _stamped(send: Send, record: Record) -> Send:
    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = record.request_id
        await send(message)

    return stamped
