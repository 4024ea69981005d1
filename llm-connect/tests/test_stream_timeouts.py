"""Whose time it is: what a reader takes between two events is not counted against the provider."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from raw_server import listening

from llm_connect.common.errors import TimedOut
from llm_connect.common.secret import Redactor
from llm_connect.providers.openai import OpenAI
from llm_connect.providers.port import Call, Connection, Patience, ProviderConfig

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
PATIENCE = Patience(first_byte=60, progress=0.5)
ENDS = "ends"
SILENT = "silent"


def event(content, reason=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return f"data: {json.dumps({'model': 'm', 'choices': [choice]})}\n\n".encode()


@contextlib.asynccontextmanager
async def stream(then):
    """The chunks of a provider that sends its second piece when the first was read, and an event for the sending."""
    read, sent = asyncio.Event(), asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + event("a"))
        await read.wait()
        writer.write(event("b", "stop") + b"data: [DONE]\n\n" if then == ENDS else b": a sign of life\n\n")
        await writer.drain()
        sent.set()
        if then == SILENT:
            await asyncio.Event().wait()

    async with listening(serve) as port:
        provider = OpenAI().build(
            ProviderConfig("local", "openai", f"http://127.0.0.1:{port}/v1"), Connection(Redactor())
        )
        call = Call("m", {"messages": []}, PATIENCE)
        async with contextlib.aclosing(provider.stream(call)) as chunks:
            yield chunks, read, sent
        await provider.close()


async def test_a_reader_may_take_longer_than_the_provider_may():
    async with stream(ENDS) as (chunks, read, sent):
        await anext(chunks)
        read.set()
        await sent.wait()
        await asyncio.sleep(2 * PATIENCE.progress)  # the next event waits here meanwhile
        assert (await anext(chunks))["choices"][0]["delta"]["content"] == "b"


async def test_what_the_reader_took_does_not_make_a_provider_that_says_nothing_more_endless():
    async with stream(SILENT) as (chunks, read, sent):
        await anext(chunks)
        read.set()
        await sent.wait()
        assert await anext(chunks) is None
        await asyncio.sleep(2 * PATIENCE.progress)
        with pytest.raises(TimedOut, match="sent no content") as found:
            await asyncio.wait_for(anext(chunks), 30)
    assert found.value.type == "provider_stalled"
