"""Bodies count from their first byte to the end of their call, and one of several callers has half of the room."""

from __future__ import annotations

import tracemalloc

import pytest

from llm_connect.common.errors import BadRequest, Unavailable
from llm_connect.common.secret import Redactor
from llm_connect.web.body_memory import BodyMemory, Holding
from llm_connect.web.exchange import Exchange
from llm_connect.web.request_body import RequestBodies

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("largest", "several", "total", "share"),
    [(1024, False, 32, 32), (4, True, 32, 16), (4 * MEBIBYTE, True, 32, 16), (64 * MEBIBYTE, True, 512, 256)],
)
def test_there_is_room_for_some_of_the_largest_bodies(largest, several, total, share):
    memory = BodyMemory(largest, several=several)
    assert (memory.total, memory.share) == (total * MEBIBYTE, share * MEBIBYTE)


def test_a_caller_has_its_share_and_gives_it_back():
    memory = BodyMemory(MEBIBYTE, several=True)
    holdings = [Holding(memory) for _ in range(3)]
    for _ in range(2):
        holdings[0].grow("a", 8 * MEBIBYTE)
    with pytest.raises(Unavailable) as refused:
        holdings[1].grow("a", 1)
    assert (refused.value.type, refused.value.retry_after) == ("gateway_busy", "1")
    holdings[2].grow("b", 16 * MEBIBYTE)
    with pytest.raises(Unavailable):
        Holding(memory).grow("c", 1)
    holdings[0].release()
    holdings[0].release()  # a second time changes nothing
    holdings[1].grow("a", 16 * MEBIBYTE)
    with pytest.raises(Unavailable):
        Holding(memory).grow("c", 1)


async def test_a_body_in_small_parts_takes_no_more_than_another():
    """As a list of its parts it would take twenty times its size."""
    left = 100_000

    async def receive():
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": bytes([32, 32]), "more_body": left > 0}

    async def send(_message):
        raise AssertionError

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/execute", "headers": headers}
    exchange = Exchange(scope, receive, send, Redactor())
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            await RequestBodies(MEBIBYTE, several=False).json(exchange)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        exchange.close()
    assert most < 1_000_000
