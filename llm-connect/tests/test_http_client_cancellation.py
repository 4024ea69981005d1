"""The connections to a provider: a cancellation is never lost, and an event is given out when it comes."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest
from raw_server import listening

from llm_connect.common.errors import TimedOut
from llm_connect.providers.http_client import HttpClient

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def busy():
    """The client to a server that sends a chunk every 2 ms for ever."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        while True:
            writer.write(b"4\r\nabcd\r\n")
            await writer.drain()
            await asyncio.sleep(0.002)

    async with listening(serve) as port, contextlib.aclosing(HttpClient(f"http://127.0.0.1:{port}/")) as client:
        yield client


async def read_on(client):
    async with client.post(b"{}", {}, 5, None) as answer:
        while await answer.read(5, "provider_idle", "byte"):
            pass


async def read_for(client, seconds):
    async with asyncio.timeout(seconds):
        await read_on(client)


async def test_no_cancellation_is_lost(busy):
    for turn in range(150):
        task = asyncio.create_task(read_on(busy))
        await asyncio.sleep(0.008 + turn % 7 * 0.001)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=30)
        assert done, f"the cancellation of turn {turn} was lost"


async def test_no_timeout_is_lost(busy):
    for turn in range(100):
        task = asyncio.create_task(read_for(busy, 0.008 + turn % 7 * 0.001))
        done, _ = await asyncio.wait([task], timeout=30)
        assert done, f"the timeout of turn {turn} was lost"
        assert isinstance(task.exception(), TimeoutError)


async def test_a_piece_is_given_out_when_it_comes(busy):
    async with busy.post(b"{}", {}, 5, 5) as answer:
        piece = await answer.read(30, "provider_idle", "byte")
    assert piece.startswith(b"abcd")
    assert len(piece) < 16 * 1024  # what is gathered for the sake of the reading is 64 KiB


@asynccontextmanager
async def in_pieces(*, announced, piece):
    """The client to a server whose answer comes in twelve pieces, 0.1 s apart."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        length = b"content-length: %d\r\n" % (12 * len(piece)) if announced else b"connection: close\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        for _ in range(12):
            await asyncio.sleep(0.1)
            writer.write(piece)
            await writer.drain()

    async with listening(serve) as port, contextlib.aclosing(HttpClient(f"http://127.0.0.1:{port}/")) as client:
        yield client


@pytest.mark.parametrize(
    ("announced", "piece"), [(False, b"a"), (True, b"a"), (True, b"a" * 2000)], ids=["unannounced", "small", "large"]
)
async def test_idle_is_the_time_between_pieces_and_not_of_the_whole(announced, piece):
    async with in_pieces(announced=announced, piece=piece) as client, client.post(b"{}", {}, 5, 5) as answer:
        assert await answer.read_all(1) == piece * 12


async def test_a_piece_that_does_not_come_within_it_ends_the_call():
    async with in_pieces(announced=True, piece=b"a") as client, client.post(b"{}", {}, 5, 5) as answer:
        with pytest.raises(TimedOut, match="sent no byte for"):
            await answer.read_all(0.01)
