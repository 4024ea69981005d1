"""Server-sent events as the HTML standard has them ("Parsing an event stream"), however they are cut into parts."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile
from llm_connect.providers.sse import EventReader

NAME = CUSTODIAN_TRIAGE.name


def read(*parts):
    reader = EventReader()
    found = [event for part in parts for event in reader.feed(part)]
    return [event and (event.name, event.data) for event in found + reader.end()]


STREAMS = {
    "LF": (b"data: a\n\ndata: b\n\n", [("", "a"), ("", "b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("", "a"), ("", "b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("", "a"), ("", "b")]),
    "mixed": (b"data: a\r\n\rdata: b\n\r\n", [("", "a"), ("", "b")]),
    "LF then CR": (b"data: a\n\rdata: b\n\r", [("", "a"), ("", "b")]),
    "no space": (b"data:a\n\ndata:  b\n\n", [("", "a"), ("", "b")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [("", "a")]),
    "a mark later": (b"data: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n", [("", "a"), ("", "c")]),
    "comments": (b": one\n:two\n\ndata: a\n:\n\n", [None, None, None, ("", "a")]),
    "several lines": (b"data: a\ndata: b\ndata\ndata: c\n\n", [("", "a\nb\n\nc")]),
    "several lines with CRLF": (b"data: a\r\ndata: b\r\n\r\n", [("", "a\nb")]),
    "a name": (b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("", "b")]),
    "a name without data": (b"event: error\n\ndata: b\n\n", [("", "b")]),
    "the name last": (b"data: a\nevent: error\n\n", [("error", "a")]),
    "other fields": (b"id: 7\nretry: 10\nnonsense\ndataset: x\nDATA: y\ndata: a\n\n", [("", "a")]),
    "no data": (b"data\n\ndata:\n\ndata: \n\ndata: a\n\n", [None, None, None, ("", "a")]),
    "no last line": (b"data: a\n\ndata: b\n", [("", "a"), ("", "b")]),
    "no last line end": (b"data: a\n\ndata: b", [("", "a"), ("", "b")]),
    "nothing": (b"", []),
    "only line ends": (b"\r\n\n\r\r\n", []),
    "letters": ("data: ä🗼\n\n".encode(), [("", "ä🗼")]),
    "a separator inside a line": (
        "data: a\u2028b\x0bc\x85\x1ed\n\n".encode(),
        [("", "a\u2028b\x0bc\x85\x1ed")],
    ),
    "colons": (b"data: a: b\n\n", [("", "a: b")]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_anywhere(name):
    octets, expected = STREAMS[name]
    assert read(octets) == expected
    assert read(*(octets[place : place + 1] for place in range(len(octets)))) == expected
    for place in range(len(octets)):
        assert read(octets[:place], b"", octets[place:]) == expected


LINES = (b"data: a", b"data:b", b"data", b": c", b"event: error", b"x", b"", b"")


@given(
    lines=st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=9),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_line_ends_and_cuts_change_nothing(lines, cuts):
    octets = b"".join(line + end for line, end in lines)
    uniform = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    assert read(*(octets[start:end] for start, end in pairwise(places))) == read(uniform)


def chunk(content, reason=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()


@pytest.fixture(scope="module")
def streamed(serving, gateway_to, call):
    """Gives the data of the events that a gateway makes of these parts of a provider's stream."""
    parts, kind = [], []

    async def body():
        for part in parts:
            yield part

    async def answer(_request):
        return StreamingResponse(body(), headers={"content-type": kind[0]})

    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    with serving(app) as upstream, gateway_to(f"{upstream}/v1", {NAME: Profile(NAME, "openrouter", "a/b")}) as url:

        def ask(sent, content_type="text/event-stream"):
            parts[:], kind[:] = sent, [content_type]
            asked = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": True}
            reply = call("POST", f"{url}/v1/chat/completions", asked)
            return [line[6:] for line in reply.octets.decode().split("\n") if line.startswith("data: ")]

        yield ask


@pytest.mark.parametrize("done", [b"data: [DONE]", b"data:[DONE]", b"data: [done] ", b"data: [DONE]\n:", None])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n", b"\r\n", b"\r", b""])
def test_the_gateway_reads_each_way_to_end(streamed, done, end):
    lines = [b"data:" + chunk("one"), b": alive", b"event: message\r\ndata: " + chunk("two", "stop")]
    octets = b"\r\n\r\n".join(lines if done is None else [*lines, done]) + end
    events = streamed([octets[:-1], octets[-1:]], "Text/Event-Stream;charset=UTF-8" if done else "text/event-stream")
    assert [json.loads(each)["choices"][0]["delta"]["content"] for each in events[:-1]] == ["one", "two"]
    assert events[-1] == "[DONE]"


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "text/html; charset=utf-8", ""])
def test_a_stream_with_another_content_type_is_one(streamed, kind):
    events = streamed([b"data: " + chunk("one") + b"\n\ndata: " + chunk("two", "stop") + b"\n\ndata: [DONE]\n\n"], kind)
    assert [json.loads(each)["choices"][0]["delta"]["content"] for each in events[:-1]] == ["one", "two"]
    assert events[-1] == "[DONE]"


@pytest.mark.parametrize(("kind", "type_"), [("", "provider_not_json"), ("text/event-stream", "provider_cut")])
def test_nothing_at_all_is_no_stream(serving, gateway_to, call, kind, type_):
    async def answer(_request):
        return StreamingResponse(iter([]), headers={"content-type": kind})

    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    with serving(app) as upstream, gateway_to(f"{upstream}/v1", {NAME: Profile(NAME, "openrouter", "a/b")}) as url:
        asked = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": True}
        reply = call("POST", f"{url}/v1/chat/completions", asked)
    assert (reply.status, reply.json["error"]["type"]) == (502, type_)


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_an_event_that_is_cut_at_the_end_is_not_an_answer(streamed, cut):
    events = streamed([b"data: " + chunk("one") + b"\n\ndata: " + chunk("two", "stop")[:-cut]])
    assert json.loads(events[-1])["error"]["type"] == "provider_cut"


def test_an_encoded_stream_is_decoded_as_it_comes(serving, gateway_to):
    """The second event is sent only after the first one was read."""
    first_was_read = threading.Event()
    deflate = zlib.compressobj(wbits=31)

    async def body():
        yield deflate.compress(b"data: " + chunk("one") + b"\n\n") + deflate.flush(zlib.Z_SYNC_FLUSH)
        await asyncio.to_thread(first_was_read.wait, 20)
        yield deflate.compress(b"data: " + chunk("two", "stop") + b"\n\ndata: [DONE]\n\n") + deflate.flush()

    async def answer(_request):
        return StreamingResponse(body(), media_type="text/event-stream", headers={"content-encoding": "gzip"})

    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    with serving(app) as upstream, gateway_to(f"{upstream}/v1", {NAME: Profile(NAME, "openrouter", "a/b")}) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        asked = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": True}
        connection.request("POST", "/v1/chat/completions", json.dumps(asked), {"content-type": "application/json"})
        response = connection.getresponse()
        assert b"one" in response.readline()
        first_was_read.set()
        rest = response.read()
        connection.close()
    assert b"two" in rest
    assert rest.endswith(b"data: [DONE]\n\n")
