"""The simulator as an ASGI application: chat completions, whole and in events, and the key's own page.

Source of the shapes: OpenRouter's API reference ("Create a chat completion", "Streaming", "Get the current API key").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llm_connect.common import strict_json
from llm_connect.simulator.completions import NotSimulated, Wanted, completion, wanted
from llm_connect.simulator.failures import FAILURES, error_body
from llm_connect.simulator.key import AcceptedKey, accepts
from llm_connect.simulator.streaming import STREAM_FAILURES, streamed

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIX = "simulate/"
HEADER = "x-simulate"


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

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/api/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/api/v1/key", self.show_key, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={Refused: _refusal, HTTPException: _no_route})

    async def show_key(self, request: Request) -> Response:
        """Limit and use of the key."""
        self._authenticate(request)
        left = max(0.0, self._limit - self._used)
        page = {"label": "simulated", "usage": self._used, "limit": self._limit, "limit_remaining": left}
        return JSONResponse({"data": page | {"limit_reset": None, "is_free_tier": False}})

    async def complete(self, request: Request) -> Response:
        """One completion, or the failure that was asked for."""
        self._authenticate(request)
        asked = _asked(await request.body())
        failure = _failure(request, asked.model)
        if self._used >= self._limit:
            raise Refused(402, "Insufficient credits", "payment_required")
        await asyncio.sleep(self._latency_seconds)
        whole = self._completion(asked)
        if asked.stream:
            plain = FAILURES.get(failure or "")
            return streamed(request, asked, whole, failure, plain)
        if failure is None:
            return JSONResponse(whole)
        if failure not in FAILURES:
            raise Refused(400, f"{failure} is for streams only", "invalid_request")
        return await FAILURES[failure].play(request, whole)

    def _authenticate(self, request: Request) -> None:
        if not accepts(self._key, request.headers.get("authorization")):
            raise Refused(401, "No auth credentials found", "authentication")

    def _completion(self, asked: Wanted) -> dict[str, object]:
        try:
            whole = completion(asked)
        except NotSimulated as found:
            raise Refused(400, str(found), "invalid_request") from None
        self._used += whole["usage"]["cost"]
        return whole


async def _refusal(_request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)  # noqa: S101 - what Starlette registered it for
    return JSONResponse(refused.body, refused.code)


async def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette registered it for
    message = "there are POST /api/v1/chat/completions and GET /api/v1/key"
    return JSONResponse(error_body(error.status_code, message, "not_found"), error.status_code)


def _failure(request: Request, model: str) -> str | None:
    name = request.headers.get(HEADER) or (model.removeprefix(PREFIX) if model.startswith(PREFIX) else None)
    known = (*FAILURES, *STREAM_FAILURES)
    if name is not None and name not in known:
        raise Refused(400, f"nothing to simulate under this name; there is: {', '.join(known)}", "invalid_request")
    return name


def _asked(octets: bytes) -> Wanted:
    try:
        return wanted(strict_json.loads(octets))
    except strict_json.NotJson as found:
        raise Refused(400, f"the body is no JSON: {found}", "invalid_request") from None
    except NotSimulated as found:
        raise Refused(400, str(found), "invalid_request") from None
