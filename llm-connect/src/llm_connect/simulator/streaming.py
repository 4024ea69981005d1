"""Completions as a stream of events, and how a stream fails: what begins well and ends badly.

The failures of failures.py that are a status, or no answer at all, are the same for a stream; those that change a
completion change its chunks. Those here can only happen to a stream.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from llm_connect.simulator.completions import Wanted, chunks
from llm_connect.simulator.failures import Failure, error_body, reset, wait_for_disconnect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STREAM_FAILURES = {
    "keep-alives": "comments for ever, and no event",
    "stream-keep-alives": "half of the events, then comments for ever",
    "stream-silent": "half of the events, then nothing more",
    "stream-error": "half of the events, then an error (code 502) as an event",
    "stream-finish-error": "half of the events, then finish_reason error",
    "stream-cut": "half of the events, then a clean end without [DONE]",
    "stream-reset": "half of the events, then RST",
    "stream-not-json": "half of the events, then an event that is not JSON",
    "stream-slow": "all events, a tenth of a second apart",
    "stream-no-done": "all events, and a clean end without [DONE]",
}
_COMPLETE = {"stream-slow", "stream-no-done"}
_COMMENT = ": OPENROUTER PROCESSING\n\n"
_COMMENT_SECONDS = 0.05
_SLOW_SECONDS = 0.1
_READ_SECONDS = 0.02


async def respond_with_stream(
    request: web.Request, asked: Wanted, whole: dict[str, Any], failure: str | None, plain: Failure | None
) -> web.StreamResponse:
    """The stream, or the failure that was asked for."""
    if plain is not None and plain.change is None:
        return await plain.respond(request, whole)
    if plain is not None and plain.change is not None:
        plain.change(whole)
    response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    async for event in _events(request, asked, whole, failure):
        await response.write(event.encode())
    return response


def _event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _events(
    request: web.Request, asked: Wanted, whole: dict[str, Any], failure: str | None
) -> AsyncIterator[str]:
    yield _COMMENT
    if failure == "keep-alives":
        async for comment in _comments():
            yield comment
    if "choices" not in whole:  # an error instead of a completion
        yield _event(whole)
        return
    every = list(chunks(whole, include_usage=asked.include_usage))
    broken = failure in STREAM_FAILURES and failure not in _COMPLETE
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


async def _end(request: web.Request, failure: str, chunk: dict[str, Any]) -> AsyncIterator[str]:
    if failure == "stream-keep-alives":
        async for comment in _comments():
            yield comment
    elif failure == "stream-silent":
        await wait_for_disconnect()
    elif failure == "stream-error":
        yield _event(chunk | error_body(502, "Provider disconnected", "provider_unavailable"))
    elif failure == "stream-finish-error":
        yield _event(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]})
    elif failure == "stream-not-json":
        yield "data: <html>\n\n"
    elif failure == "stream-reset":
        await asyncio.sleep(_READ_SECONDS)
        reset(request)
