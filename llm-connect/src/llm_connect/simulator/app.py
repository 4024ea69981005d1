"""The simulator as an aiohttp application: chat completions, whole and streamed, and the key's own page.

Source of the shapes: OpenRouter's API reference ("Create a chat completion", "Streaming", "Get the current API key").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from llm_connect.common import strict_json
from llm_connect.simulator.completions import NotSimulated, Wanted, completion, wanted
from llm_connect.simulator.failures import FAILURES, error_body
from llm_connect.simulator.key import AcceptedKey, accepts
from llm_connect.simulator.streaming import STREAM_FAILURES, respond_with_stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PREFIX = "simulate/"
HEADER = "x-simulate"
_MAX_BODY_BYTES = 64 * 1024 * 1024
_SHUTDOWN_SECONDS = 1.0


class Refused(Exception):
    """An error in OpenRouter's shape."""

    def __init__(self, code: int, message: str, error_type: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = error_body(code, message, error_type)


class Simulator:
    """The handlers, and what the key has used so far.

    Args:
        key: the key that is accepted.
        latency_ms: how long each completion takes at least.
        limit_usd: the key's credit; when it is used up, completions are answered with 402.
    """

    def __init__(self, key: AcceptedKey, latency_ms: int = 0, limit_usd: float = 10.0) -> None:
        self._key = key
        self._latency_seconds = latency_ms / 1000
        self._limit = limit_usd
        self._used = 0.0

    def application(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_errors])
        app.router.add_post("/api/v1/chat/completions", self.complete)
        app.router.add_get("/api/v1/key", self.show_key)
        return app

    async def show_key(self, request: web.Request) -> web.StreamResponse:
        """Limit and use of the key."""
        self._authenticate(request)
        left = max(0.0, self._limit - self._used)
        page = {"label": "simulated", "usage": self._used, "limit": self._limit, "limit_remaining": left}
        return web.json_response({"data": page | {"limit_reset": None, "is_free_tier": False}})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """One completion, or the failure that was asked for."""
        self._authenticate(request)
        asked = _asked(await request.read())
        failure = _failure(request, asked.model)
        if self._used >= self._limit:
            raise Refused(402, "Insufficient credits", "payment_required")
        await asyncio.sleep(self._latency_seconds)
        whole = self._completion(asked)
        if asked.stream:
            return await respond_with_stream(request, asked, whole, failure, FAILURES.get(failure or ""))
        if failure is None:
            return web.json_response(whole)
        if failure not in FAILURES:
            raise Refused(400, f"{failure} is for streams only", "invalid_request")
        return await FAILURES[failure].respond(request, whole)

    def _authenticate(self, request: web.Request) -> None:
        if not accepts(self._key, request.headers.get("authorization")):
            raise Refused(401, "No auth credentials found", "authentication")

    def _completion(self, asked: Wanted) -> dict[str, object]:
        try:
            whole = completion(asked)
        except NotSimulated as error:
            raise Refused(400, str(error), "invalid_request") from None
        self._used += whole["usage"]["cost"]
        return whole


async def serve(app: web.Application, sock: socket.socket, stopped: asyncio.Event) -> None:
    """Serve the application on a bound socket until `stopped` is set."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, sock, backlog=2048).start()
        await stopped.wait()
    finally:
        await runner.cleanup()


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return web.json_response(refused.body, status=refused.code)
    except web.HTTPException as error:
        message = "there are POST /api/v1/chat/completions and GET /api/v1/key"
        return web.json_response(error_body(error.status_code, message, "not_found"), status=error.status_code)


def _failure(request: web.Request, model: str) -> str | None:
    name = request.headers.get(HEADER) or (model.removeprefix(PREFIX) if model.startswith(PREFIX) else None)
    known = (*FAILURES, *STREAM_FAILURES)
    if name is not None and name not in known:
        raise Refused(400, f"unknown failure to simulate; choose one of {', '.join(known)}", "invalid_request")
    return name


def _asked(octets: bytes) -> Wanted:
    try:
        return wanted(strict_json.loads(octets))
    except strict_json.NotJson as error:
        raise Refused(400, f"the body is not valid JSON: {error}", "invalid_request") from None
    except NotSimulated as error:
        raise Refused(400, str(error), "invalid_request") from None
