"""The server around the application: when an answer goes out."""

from __future__ import annotations

import threading

import pytest

from llm_connect.web.server import Protocol


@pytest.fixture
def busy_afterwards(serving):
    """The URL of an application that keeps the event loop after its answer, and two events: let go, and it was."""
    let_go, was_let_go = threading.Event(), threading.Event()

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for said in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{said}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})
        if let_go.wait(10):
            was_let_go.set()

    with serving(app, Protocol) as url:
        yield url, let_go, was_let_go


def test_an_answer_does_not_wait_for_what_is_done_after_it(busy_afterwards, call):
    url, let_go, was_let_go = busy_afterwards
    assert call("GET", url).octets == b"done"
    let_go.set()
    assert was_let_go.wait(10)
