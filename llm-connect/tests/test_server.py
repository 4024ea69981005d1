"""The server around the application: when an answer goes out, and how it stops."""

from __future__ import annotations

import threading

import pytest


class BusyAfterwards:
    """An application that blocks the event loop after its answer."""

    def __init__(self):
        self.let_go, self.was_let_go = threading.Event(), threading.Event()

    async def __call__(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})
        if self.let_go.wait(10):
            self.was_let_go.set()

    async def start(self):
        pass

    async def stop(self):
        pass

    def drain(self):
        pass

    def abort(self):
        pass


@pytest.fixture
def busy(serving_application):
    app = BusyAfterwards()
    with serving_application(app) as url:
        yield url, app


def test_an_answer_does_not_wait_for_what_is_done_after_it(busy, call):
    url, app = busy
    assert call("GET", url).octets == b"done"
    app.let_go.set()
    assert app.was_let_go.wait(10)
