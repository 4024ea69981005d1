"""The simulator as an ASGI application: chat completions (not streamed) and the key's own page.

Source of the shapes: OpenRouter's API reference ("Create a chat completion", "Get the current API key").
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llm_connect import strict_json
from llm_connect.simulator.documents import Unsupported, document
from llm_connect.simulator.failures import FAILURES, error_body
from llm_connect.simulator.key import AcceptedKey, accepts

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIX = "simulate/"
HEADER = "x-simulate"
_CHARACTERS_PER_TOKEN = 4
# Credits (USD) for one token; of the order of a small model's price.
_PROMPT_PRICE, _COMPLETION_PRICE = 0.3e-6, 2.5e-6


class Refused(Exception):
    """An error in OpenRouter's shape."""

    def __init__(self, code: int, message: str, error_type: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = error_body(code, message, error_type)


@dataclass(frozen=True)
class Wanted:
    """What a completion request asks for."""

    model: str
    prompt: str
    max_tokens: float
    schema: Any = None


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
        self._count = itertools.count(1)

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
        wanted = _wanted(await request.body())
        failure = _failure(request, wanted.model)
        if self._used >= self._limit:
            raise Refused(402, "Insufficient credits", "payment_required")
        await asyncio.sleep(self._latency_seconds)
        completion = self._completion(wanted)
        return await FAILURES[failure].play(request, completion) if failure else JSONResponse(completion)

    def _authenticate(self, request: Request) -> None:
        if not accepts(self._key, request.headers.get("authorization")):
            raise Refused(401, "No auth credentials found", "authentication")

    def _completion(self, wanted: Wanted) -> dict[str, Any]:
        content, finish_reason = _content(wanted)
        usage = _usage(wanted.prompt, content)
        self._used += usage["cost"]
        message = {"role": "assistant", "content": content, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason, "native_finish_reason": finish_reason}
        return {
            "id": f"gen-simulated-{next(self._count)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "provider": "Simulated",
            "model": wanted.model,
            "choices": [choice],
            "usage": usage,
        }


async def _refusal(_request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)  # noqa: S101 - what Starlette registered it for
    return JSONResponse(refused.body, refused.code)


async def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette registered it for
    message = "there are POST /api/v1/chat/completions and GET /api/v1/key"
    return JSONResponse(error_body(error.status_code, message, "not_found"), error.status_code)


def _failure(request: Request, model: str) -> str | None:
    name = request.headers.get(HEADER) or (model.removeprefix(PREFIX) if model.startswith(PREFIX) else None)
    if name is not None and name not in FAILURES:
        raise Refused(400, f"nothing to simulate under this name; there is: {', '.join(FAILURES)}", "invalid_request")
    return name


def _wanted(octets: bytes) -> Wanted:
    try:
        body = strict_json.loads(octets)
    except strict_json.NotJson as found:
        raise Refused(400, f"the body is no JSON: {found}", "invalid_request") from None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise Refused(400, "model: missing, or no text", "invalid_request")
    if body.get("stream"):
        raise Refused(400, "stream: true is not supported by this simulator", "invalid_request")
    limit = body.get("max_tokens", math.inf)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1:
        raise Refused(400, "max_tokens: not a number from 1", "invalid_request")
    return Wanted(body["model"], _prompt(body.get("messages")), limit, _schema(body.get("response_format")))


def _prompt(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: missing, or no list of messages", "invalid_request")
    contents = [message.get("content") if isinstance(message, dict) else None for message in messages]
    texts = [content for content in contents if isinstance(content, str)]
    if len(texts) < len(contents):
        raise Refused(400, "messages: this simulator takes messages whose content is a text", "invalid_request")
    return "\n".join(texts)


def _schema(response_format: Any) -> Any:
    if response_format is None:
        return None
    described = response_format.get("json_schema") if isinstance(response_format, dict) else None
    if not isinstance(described, dict) or "schema" not in described:
        raise Refused(400, "response_format: this simulator takes json_schema with a schema only", "invalid_request")
    return described["schema"]


def _content(wanted: Wanted) -> tuple[str, str]:
    """The text and its finish_reason; a text longer than max_tokens is cut, as a model's would be."""
    text = f"Simulated answer to a prompt of {len(wanted.prompt)} characters."
    if wanted.schema is not None:
        try:
            text = json.dumps(document(wanted.schema), ensure_ascii=False)
        except Unsupported as found:
            raise Refused(400, f"this simulator does not support {found}", "invalid_request") from None
    room = wanted.max_tokens * _CHARACTERS_PER_TOKEN
    return (text, "stop") if len(text) <= room else (text[: int(room)], "length")


def _usage(prompt: str, content: str) -> dict[str, Any]:
    asked, given = (math.ceil(len(text) / _CHARACTERS_PER_TOKEN) for text in (prompt, content))
    cost = round(asked * _PROMPT_PRICE + given * _COMPLETION_PRICE, 8)
    tokens = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
    return tokens | {"completion_tokens_details": {"reasoning_tokens": 0}, "cost": cost}
