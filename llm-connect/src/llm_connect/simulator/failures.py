"""How a completion fails, by the name that a request asks for: statuses, broken answers, broken connections.

Source: OpenRouter's "Errors and debugging".
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Completion = dict[str, Any]
Respond = Callable[[web.Request, Completion], Awaitable[web.StreamResponse]]
_NEVER_SECONDS = 3600
_HUGE = 17 * 1024 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)
_READ_SECONDS = 0.02
"""So that the client reads what was sent before the end of the connection reaches it."""


@dataclass(frozen=True)
class Failure:
    """One failure: a sentence for --help, how it is answered, and how it changes a completion, if it does."""

    sentence: str
    respond: Respond
    change: Callable[[Completion], object] | None = None


def error_body(code: int, message: str, error_type: str, **metadata: Any) -> dict[str, Any]:
    """OpenRouter's error body."""
    return {"error": {"code": code, "message": message, "metadata": {"error_type": error_type, **metadata}}}


def reset(request: web.Request) -> None:
    """Send RST, as a crashed server does: closing with a linger of zero seconds makes the kernel do so."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()


def cut(request: web.Request) -> None:
    """Close the connection after what was written, whether or not the answer is complete."""
    if request.transport is not None:
        request.transport.close()


async def wait_for_disconnect() -> None:
    """Wait until the client leaves: the server cancels the handler then."""
    await asyncio.sleep(_NEVER_SECONDS)


def _status(code: int, message: str, error_type: str, retry_after: int | None = None) -> Failure:
    async def respond(_request: web.Request, _completion: Completion) -> web.StreamResponse:
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        return web.json_response(error_body(code, message, error_type), status=code, headers=headers)

    header = f" with Retry-After {retry_after}" if retry_after else ""
    return Failure(f"status {code}{header}: {message}", respond)


def _changed(sentence: str, change: Callable[[Completion], None]) -> Failure:
    async def respond(_request: web.Request, completion: Completion) -> web.StreamResponse:
        change(completion)
        return web.json_response(completion)

    return Failure(sentence, respond, change)


def _fixed(sentence: str, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Failure:
    async def respond(_request: web.Request, _completion: Completion) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return Failure(sentence, respond)


def _broken(sentence: str, end: Callable[[web.Request], None], *, begin: bool) -> Failure:
    """Ends the connection instead of answering; `begin` sends the first half of an answer before."""

    async def respond(request: web.Request, _completion: Completion) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "4000"})
        if begin:
            await response.prepare(request)
            await response.write(b'{"id": "gen-')
            await asyncio.sleep(_READ_SECONDS)
        end(request)
        return response

    return Failure(sentence, respond)


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
    for holder, name in (
        (message, "content"),
        *((each["function"], "arguments") for each in message.get("tool_calls") or ()),
    ):
        holder[name] = holder[name] and holder[name][: len(holder[name]) // 2]
    completion["choices"][0]["finish_reason"] = "length"


def _reasoned_away(completion: Completion) -> None:
    _no_content(completion)
    completion["choices"][0]["finish_reason"] = "length"


async def _echo_key(request: web.Request, _completion: Completion) -> web.StreamResponse:
    # Padded, so that code that shortens the message before it redacts the key leaves the first half of the key.
    message = f"Bad credentials {'.' * 256} {request.headers['authorization']}"
    return web.json_response(error_body(401, message, "authentication"), status=401)


async def _silent(_request: web.Request, _completion: Completion) -> web.StreamResponse:
    await wait_for_disconnect()
    return web.Response(status=503)


async def _stalled(request: web.Request, completion: Completion) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/json"})
    await response.prepare(request)
    await response.write(json.dumps(completion)[:40].encode())
    await wait_for_disconnect()
    return response


_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_HTML_TYPE = {"content-type": "text/html"}

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
    "not-json": _fixed("status 200 with an HTML page", _HTML, headers=_HTML_TYPE),
    "html-502": _fixed("status 502 with an HTML page", _HTML, 502, _HTML_TYPE),
    "not-object": _fixed("status 200 with a JSON list", b'["not", "an", "object"]'),
    "empty-body": _fixed("status 200 with an empty body", b""),
    "huge": _fixed("status 200 with a body of 17 MiB", b" " * _HUGE),
    "redirect": _fixed("status 307 to another host", b"", 307, {"location": "http://192.0.2.1/"}),
    "echo-key": Failure("status 401 whose message repeats the authorization header", _echo_key),
    "silent": Failure("accepts the request and never answers", _silent),
    "stalled": Failure("begins an answer and then stays silent", _stalled),
    "reset": _broken("resets the connection without an answer", reset, begin=False),
    "reset-midway": _broken("resets the connection within the body", reset, begin=True),
    "cut": _broken("closes the connection within the body", cut, begin=True),
}
