"""Completions in events, and how a stream fails: what begins well and ends otherwise.

The failures of failures.py that are a status, or no answer at all, are the same for a stream; those that change a
completion change what its chunks say. Those here can happen to a stream only.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from llm_connect.simulator import connections
from llm_connect.simulator.completions import Wanted, chunks
from llm_connect.simulator.failures import Failure, error_body, until_gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

STREAM_FAILURES = {
    "keep-alives": "comments for ever, and no event",
    "stream-keep-alives": "half of the events, then comments for ever",
    "stream-silent": "half of the events, then nothing more",
    "stream-error": "half of the events, then an error (code 502) as an event",
    "stream-finish-error": "half of the events, then finish_reason error",
    "stream-cut": "half of the events, then a clean end without [DONE]",
    "stream-reset": "half of the events, then RST",
    "stream-not-json": "half of the events, then an event that is no JSON",
    "stream-slow": "all events, a tenth of a second apart",
    "stream-no-done": "all events, and a clean end without [DONE]",
}
_COMMENT = ": OPENROUTER PROCESSING\n\n"
_COMMENT_SECONDS = 0.05
_SLOW_SECONDS = 0.1


def streamed(
    request: Request, asked: Wanted, whole: dict[str, Any], failure: str | None, plain: Failure | None
) -> Response:
    """The stream, or the failure that was asked for."""
    if plain is not None and plain.change is None:
        return _Played(plain, request, whole)
    if plain is not None and plain.change is not None:
        plain.change(whole)
    return StreamingResponse(_events(request, asked, whole, failure), media_type="text/event-stream")


class _Played(Response):
    """A failure that is the same for a stream as for a plain answer."""

    def __init__(self, failure: Failure, request: Request, whole: dict[str, Any]) -> None:
        super().__init__()
        self._failure = failure
        self._request = request
        self._whole = whole

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._failure.play(self._request, self._whole)
        await response(scope, receive, send)


def _event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _events(request: Request, asked: Wanted, whole: dict[str, Any], failure: str | None) -> AsyncIterator[str]:
    yield _COMMENT
    if failure == "keep-alives":
        async for comment in _comments():
            yield comment
    if "choices" not in whole:  # an error in the place of a completion
        yield _event(whole)
        return
    every = list(chunks(whole, include_usage=asked.include_usage))
    broken = failure in STREAM_FAILURES and failure not in {"stream-slow", "stream-no-done"}
    for chunk in every[: len(every) // 2] if broken else every:
        yield _event(chunk)
        await asyncio.sleep(_SLOW_SECONDS if failure == "stream-slow" else 0)
    if broken:
        async for last in _end(request, str(failure), every[0]):
            yield last
    elif failure != "stream-no-done":
        yield "data: [DONE]\n\n"


async def _comments() -> AsyncIterator[str]:
    while True:
        yield _COMMENT
        await asyncio.sleep(_COMMENT_SECONDS)


async def _end(request: Request, failure: str, chunk: dict[str, Any]) -> AsyncIterator[str]:
    if failure == "stream-keep-alives":
        async for comment in _comments():
            yield comment
    elif failure == "stream-silent":
        await until_gone(request)
    elif failure == "stream-error":
        yield _event(chunk | error_body(502, "Provider disconnected", "provider_unavailable"))
    elif failure == "stream-finish-error":
        yield _event(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]})
    elif failure == "stream-not-json":
        yield "data: <html>\n\n"
    elif failure == "stream-reset" and request.client:
        await asyncio.sleep(0.02)  # so that the first half is read before the end comes
        connections.reset((request.client.host, request.client.port))
        yield _COMMENT
