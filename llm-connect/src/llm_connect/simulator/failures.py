"""The failures a caller can ask the simulator for, by `model: simulate/NAME` or by the header `x-simulate: NAME`.

The shapes are those of OpenRouter's "Errors and debugging" and of what its users report. A failure takes the
completion that would have been given and returns another answer in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from llm_connect.simulator import connections

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Completion = dict[str, Any]
Play = Callable[[Request, Completion], Awaitable[Response]]
_LONGEST_SILENCE = 3600
_HUGE = 17 * 1024 * 1024


@dataclass(frozen=True)
class Failure:
    """One failure: a sentence for the list in --help, how it is played, and how it changes a completion, if it does."""

    sentence: str
    play: Play
    change: Callable[[Completion], object] | None = None


def error_body(code: int, message: str, error_type: str, **metadata: Any) -> dict[str, Any]:
    """OpenRouter's error body."""
    return {"error": {"code": code, "message": message, "metadata": {"error_type": error_type, **metadata}}}


def _status(code: int, message: str, error_type: str, retry_after: int | None = None) -> Failure:
    async def play(_request: Request, _completion: Completion) -> Response:
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        return JSONResponse(error_body(code, message, error_type), code, headers)

    beside = f" with Retry-After {retry_after}" if retry_after else ""
    return Failure(f"status {code}{beside}: {message}", play)


def _changed(sentence: str, change: Callable[[Completion], None]) -> Failure:
    async def play(_request: Request, completion: Completion) -> Response:
        change(completion)
        return JSONResponse(completion)

    return Failure(sentence, play, change)


def _fixed(sentence: str, response: Callable[[], Response]) -> Failure:
    async def play(_request: Request, _completion: Completion) -> Response:
        return response()

    return Failure(sentence, play)


def _error_in_200(completion: Completion) -> None:
    completion.clear()
    completion.update(error_body(502, "Provider returned error", "provider_unavailable", provider_name="Simulated"))


def _error_in_choice(completion: Completion) -> None:
    error = error_body(429, "Rate limited while generating", "rate_limit_exceeded")
    completion["choices"][0] |= error | {"finish_reason": "error"}


def _no_content(completion: Completion) -> None:
    completion["choices"][0]["message"]["content"] = None


def _prose(completion: Completion) -> None:
    completion["choices"][0]["message"]["content"] = "Sure! Here is what I think about it."


def _truncated(completion: Completion) -> None:
    message = completion["choices"][0]["message"]
    message["content"] = message["content"][: len(message["content"]) // 2]
    completion["choices"][0]["finish_reason"] = "length"


def _reasoned_away(completion: Completion) -> None:
    _no_content(completion)
    completion["choices"][0]["finish_reason"] = "length"


async def _echo_key(request: Request, _completion: Completion) -> Response:
    # Padded, so that a reader who shortens the message before removing the key leaves its first half standing.
    message = f"Bad credentials {'.' * 256} {request.headers['authorization']}"
    return JSONResponse(error_body(401, message, "authentication"), 401)


async def _silent(request: Request, _completion: Completion) -> Response:
    await until_gone(request)
    return Response(status_code=503)


async def _stalled(request: Request, completion: Completion) -> Response:
    async def begun_only() -> Any:
        yield json.dumps(completion)[:40]
        await until_gone(request)

    return StreamingResponse(begun_only(), media_type="application/json")


async def until_gone(request: Request) -> None:
    """Wait for the client to leave: the body was read, so the next message is its disconnect."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_SILENCE):
            await request.receive()


class _Broken(Response):
    """Ends the connection instead of answering; `begin` sends the first half of an answer before."""

    def __init__(self, end: Callable[[tuple[str, int]], None], *, begin: bool) -> None:
        super().__init__()
        self._end = end
        self._begin = begin

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if self._begin:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"4000")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"id": "gen-', "more_body": True})
            await asyncio.sleep(0.02)  # so that the first half is read before the end comes
        self._end(tuple(scope["client"]))


_HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

FAILURES: dict[str, Failure] = {
    "400": _status(400, "Invalid parameter", "invalid_request"),
    "401": _status(401, "No auth credentials found", "authentication"),
    "402": _status(402, "Insufficient credits", "payment_required"),
    "403": _status(403, "Input was flagged by moderation", "content_policy_violation"),
    "404": _status(404, "No endpoints found that support the requested parameters", "constraint_filtered"),
    "408": _status(408, "The request timed out", "timeout"),
    "429": _status(429, "Rate limit exceeded", "rate_limit_exceeded", retry_after=7),
    "500": _status(500, "Internal server error", "server"),
    "502": _status(502, "Provider returned an invalid answer", "provider_unavailable"),
    "503": _status(503, "No provider is available", "provider_overloaded", retry_after=3),
    "504": _status(504, "The provider timed out", "timeout"),
    "error-in-200": _changed("status 200 with an error object (code 502) as its body", _error_in_200),
    "error-in-choice": _changed(
        "status 200, finish_reason error and an error (code 429) in the choice", _error_in_choice
    ),
    "finish-error": _changed(
        "status 200 with text and finish_reason error", lambda c: c["choices"][0].update(finish_reason="error")
    ),
    "empty-choices": _changed("status 200 with an empty list of choices", lambda c: c.update(choices=[])),
    "no-content": _changed("status 200 with finish_reason stop and content null", _no_content),
    "no-model": _changed("status 200 that does not say which model was served", lambda c: c.pop("model")),
    "no-usage": _changed("a whole answer without usage", lambda c: c.pop("usage")),
    "other-model": _changed(
        "a whole answer, served by another model", lambda c: c.update(model="simulate/served-instead")
    ),
    "truncated": _changed("status 200, the text cut in half, finish_reason length", _truncated),
    "reasoned-away": _changed("status 200, content null, finish_reason length", _reasoned_away),
    "prose": _changed("status 200 with prose, whatever schema was asked for", _prose),
    "not-json": _fixed("status 200 with an HTML page", lambda: Response(_HTML, media_type="text/html")),
    "html-502": _fixed("status 502 with an HTML page", lambda: Response(_HTML, 502, media_type="text/html")),
    "not-object": _fixed("status 200 with a JSON list", lambda: JSONResponse(["not", "an", "object"])),
    "empty-body": _fixed("status 200 with an empty body", lambda: Response(b"")),
    "huge": _fixed("status 200 with a body of 17 MiB", lambda: Response(b" " * _HUGE)),
    "redirect": _fixed("status 307 to another host", lambda: Response(b"", 307, {"location": "http://192.0.2.1/"})),
    "echo-key": Failure("status 401 whose message repeats the authorization header", _echo_key),
    "silent": Failure("accepts the request and never answers", _silent),
    "stalled": Failure("begins an answer and then stays silent", _stalled),
    "reset": _fixed("resets the connection without an answer", lambda: _Broken(connections.reset, begin=False)),
    "reset-midway": _fixed("resets the connection within the body", lambda: _Broken(connections.reset, begin=True)),
    "cut": _fixed("closes the connection within the body", lambda: _Broken(connections.cut, begin=True)),
}
