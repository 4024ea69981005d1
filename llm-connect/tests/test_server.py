"""The server around the application: when an answer goes out, and how it stops."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from llm_connect.web.listening import CannotListen, reserve
from llm_connect.web.server import Server


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


def test_a_port_that_is_taken_meanwhile_ends_the_start(gateway_of, simulator):
    """Reserved and lost: another server listens there by the time that granian wants to."""
    sock = reserve("127.0.0.1", 0)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(sock.getsockname())
        other.listen()
        server = Server(gateway_of(simulator), sock, lambda: pytest.fail("it cannot listen"))
        with pytest.raises(CannotListen, match="in use"):
            asyncio.run(asyncio.wait_for(server.run(), 10))
    sock.close()
