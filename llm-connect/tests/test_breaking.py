"""What clients and networks do to a gateway: many at once, slow, half closed, gone, huge, broken."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import socket
import time
from dataclasses import replace

import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from llm_connect.common.secret import Secret
from llm_connect.config.model import AuditConfig, Budget, Limits
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile, Target
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.failures import reset
from llm_connect.simulator.key import FixedKey

NAME = CUSTODIAN_TRIAGE.name
HELLO = [{"role": "user", "content": "hello"}]


def address_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def request_of(path, body):
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "content-type: application/json"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\ncontent-length: {len(octets)}\r\n\r\n"
    return head.encode() + octets


class Upstream:
    """A provider on a bare socket that says what becomes of its connections, and answers with a trickle for ever."""

    def __init__(self):
        self.begun = 0
        self.gone = 0

    async def serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.begun += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}
        event = f"data: {json.dumps(chunk)}\n\n".encode()
        try:
            while True:
                writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
                await writer.drain()
                await asyncio.wait_for(reader.read(1), 0.05) == b"" and self._lost()
        except TimeoutError:
            await self._go_on(writer, event, reader)
        except OSError:
            self.gone += 1
        finally:
            writer.close()

    async def _go_on(self, writer, event, reader):
        watch = asyncio.ensure_future(reader.read(1))
        while not watch.done():
            writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await asyncio.wait([watch], timeout=0.05)
        self.gone += 1

    def _lost(self):
        raise ConnectionResetError


def records(directory):
    return [json.loads(line) for line in (directory / "audit.jsonl").read_text().splitlines()]


@pytest.fixture
def trickling(gateway_to, tmp_path):
    """A gateway to such a provider, which keeps its record in `tmp_path`."""
    import threading

    upstream, started, loop = Upstream(), threading.Event(), asyncio.new_event_loop()
    ports = []

    async def run():
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
        async with server:
            ports.append(server.sockets[0].getsockname()[1])
            started.set()
            await asyncio.Event().wait()

    task = loop.create_task(run())
    thread = threading.Thread(target=lambda: _until_cancelled(loop, task))
    thread.start()
    started.wait(30)
    profile = replace(CUSTODIAN_TRIAGE, timeout_seconds=30)
    try:
        audit = AuditConfig(str(tmp_path / "audit.jsonl"))
        with gateway_to(f"http://127.0.0.1:{ports[0]}/v1", {NAME: profile}, audit=audit) as url:
            yield url, upstream
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(5)


def _until_cancelled(loop, task):
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        loop.run_until_complete(_cancel_all())
    loop.close()


async def _cancel_all():
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def eventually(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("how", ["close", "half close", "reset"])
def test_a_client_that_goes_away_ends_the_providers_call(trickling, how):
    url, upstream = trickling
    client = socket.create_connection(address_of(url))
    client.sendall(request_of("/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": True}))
    assert client.recv(1)
    assert upstream.begun == 1
    if how == "half close":
        client.shutdown(socket.SHUT_WR)
    elif how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.close()
    else:
        client.close()
    assert eventually(lambda: upstream.gone == 1)
    client.close()


def test_a_reader_that_leaves_its_stream_is_no_success_in_the_record(trickling, tmp_path, request_lines):
    url, _ = trickling
    with socket.create_connection(address_of(url)) as client:
        client.sendall(request_of("/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": True}))
        assert client.recv(1)
    assert eventually(lambda: len(records(tmp_path)) == 2)
    end = records(tmp_path)[-1]
    assert (end["event"], end["status"], end["type"]) == ("call.end", 499, "caller_gone")
    assert eventually(request_lines)
    assert [(line["type"], line["status"]) for line in request_lines()] == [("caller_gone", 499)]


def test_so_it_is_while_a_plain_answer_is_awaited(trickling, request_lines):
    url, upstream = trickling
    with socket.create_connection(address_of(url)) as client:
        client.sendall(request_of("/execute", {"prompt": "hello"}))
        assert eventually(lambda: upstream.begun == 1)
    assert eventually(lambda: upstream.gone == 1)
    assert eventually(request_lines)
    assert [(line["type"], line["status"]) for line in request_lines()] == [("caller_gone", 499)]


@pytest.mark.parametrize("path", ["/execute", "/v1/chat/completions"])
@pytest.mark.parametrize("octets", [b'{"prompt": "\xff\xfe"}', b'{"prompt": "\xc3"}', b'{"prompt": "\xed\xa0\x80"}'])
def test_malformed_utf8_is_400(gateway, call, path, octets):
    reply = call("POST", f"{gateway}{path}", octets)
    found = reply.json if path == "/execute" else reply.json["error"]
    assert (reply.status, found["type"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    "octets", [b"\x00" * 100, b"GET\r\n\r\n", b"POST /execute HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
)
def test_what_is_no_http_is_400_or_closed(gateway, call, octets):
    with socket.create_connection(address_of(gateway)) as client:
        client.sendall(octets)
        client.settimeout(5)
        answer = client.recv(100)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert call("GET", f"{gateway}/health").status == 200


HEAD = b"POST /execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
NAMED = {
    "one header": (HEAD + b"x: ", b"a" * 4096),
    "many headers": (HEAD, b"x: " + b"a" * 4091 + b"\r\n"),
    "an address": (b"GET /", b"a" * 4096),
    "an extension of a chunk": (CHUNKED + b"5;x=", b"a" * 4096),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: " + b"a" * 4091 + b"\r\n"),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_comes_beside_a_body_is_bounded(gateway, name):
    """Without an end it would fill the memory, before anybody has said who they are."""
    first, more = NAMED[name]
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(20)
        client.sendall(first)
        with pytest.raises(OSError) as caught:  # noqa: PT012 - closed, at one of these writes
            for _ in range(10_000):
                client.sendall(more)
    assert not isinstance(caught.value, TimeoutError)


LONG = b"x: " + b"a" * 300_000
TOO_LARGE = {
    "not whole": HEAD + LONG,
    "whole": HEAD + LONG + b"\r\n\r\n",
    "with its body": HEAD + b"content-length: 2\r\n" + LONG + b"\r\n\r\n{}",
    "in many headers": HEAD + b"x: aaaaaaaaaa\r\n" * 8_000 + b"\r\n",
    "in its address": b"GET /" + LONG[3:] + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_head_that_is_too_large_is_refused(gateway, name):
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(20)
        client.sendall(TOO_LARGE[name])
        answer = client.makefile("rb")
        allowed = {b"431 Request Header Fields Too Large"} | ({b"414 URI Too Long"} if "address" in name else set())
        assert answer.readline().removeprefix(b"HTTP/1.1 ").strip() in allowed
        with contextlib.suppress(ConnectionResetError):
            answer.read()


def test_a_head_below_that_is_taken_whatever_came_before_and_comes_after_it(gateway, call):
    assert call("GET", f"{gateway}/health", headers={"x-long": "a" * 60_000}).status == 200
    assert call("POST", f"{gateway}/execute", {"prompt": "a" * 200_000}).status == 200
    client = http.client.HTTPConnection(*address_of(gateway), timeout=20)
    with contextlib.closing(client):
        client.connect()
        sock = client.sock
        for _ in range(100):  # no body tells one from the next
            client.request("GET", "/health", headers={"x": "a" * 1_000})
            answer = client.getresponse()
            answer.read()
            assert (answer.status, client.sock) == (200, sock)


def test_within_a_request_nothing_is_answered_but_its_own_answer(gateway):
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(20)
        client.sendall(CHUNKED + b"5;x=" + b"a" * 66_000)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                answer += piece
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer == b"" or b'"body_cut"' in answer


OFFER = (
    b"connection: Upgrade, HTTP2-Settings, keep-alive\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
)


@pytest.mark.parametrize("cut", [0, 40, 180, 330])
def test_an_offer_to_change_the_protocol_is_passed_over(gateway, caplog, cut):
    """As Java's own client makes it, with a body; the connection is kept, and what follows is read as ever."""
    asked = request_of("/execute", {"prompt": "hello"})
    offering = asked.replace(b"host: localhost\r\n", b"host: localhost\r\n" + OFFER)
    octets = offering + b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + OFFER + b"\r\n" + asked
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(20)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(octets[:cut])
        time.sleep(0.05)
        client.sendall(octets[cut:])
        answer = b""
        while answer.count(b'"content"') < 2 and (piece := client.recv(65536)):
            answer += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"] * 3
    assert b'"alive"' in answer
    assert caplog.records == []


def test_many_offers_in_one_piece_are_read_one_after_the_other(gateway, caplog):
    """Each within the one before it took the stack's whole depth and a copy of what follows: 100 MB, from anybody."""
    many = 2000
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(60)
        client.sendall((b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + OFFER + b"\r\n") * many)
        answer = b""
        while answer.count(b'"alive"') < many and (piece := client.recv(65536)):
            answer += piece
    assert answer.count(b"HTTP/1.1 200") == many
    assert caplog.records == []


@pytest.mark.parametrize("surplus", [b"\x00 no HTTP\r\n\r\n", CHUNKED + b"no length\r\n"])
def test_what_follows_a_request_and_is_no_http_is_not_its_answer(trickling, surplus):
    url, upstream = trickling
    with socket.create_connection(address_of(url)) as client:
        client.settimeout(20)
        client.sendall(request_of("/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": True}))
        answer = client.recv(1)
        client.sendall(surplus)
        while answer.count(b"data: ") < 20:
            answer += client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 400" not in answer
    assert eventually(lambda: upstream.gone == 1)


def test_a_body_that_is_no_http_is_refused(gateway):
    with socket.create_connection(address_of(gateway)) as client:
        client.settimeout(20)
        client.sendall(CHUNKED + b"no length\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_our_own_limit_is_reported_apart_and_a_place_that_is_free_is_given(serving, gateway_to, call, key):
    import threading

    limits = Limits(max_concurrency=1, max_queue=1)
    found = []
    with (
        serving(Simulator(FixedKey(Secret(key)), latency_ms=1000).application()) as upstream,
        gateway_to(f"{upstream}/api/v1", {NAME: CUSTODIAN_TRIAGE}, limits=limits) as url,
    ):

        def one():
            reply = call("POST", f"{url}/execute", {"prompt": "hello"})
            headers = (reply.headers.get("x-should-retry"), reply.headers.get("retry-after"))
            found.append((reply.status, reply.json.get("type"), *headers))

        threads = [threading.Thread(target=one) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one()
    assert sorted(found, key=str)[:3] == [(200, None, None, None)] * 3
    assert found[0] == (503, "gateway_busy", "true", "1")


def test_waiting_for_a_place_counts_to_the_deadline(serving, gateway_to, call, key):
    import threading

    limits = Limits(max_concurrency=1)
    with (
        serving(Simulator(FixedKey(Secret(key)), latency_ms=2500).application()) as upstream,
        gateway_to(f"{upstream}/api/v1", {NAME: CUSTODIAN_TRIAGE}, limits=limits) as url,
    ):
        first = threading.Thread(target=lambda: call("POST", f"{url}/execute", {"prompt": "hello"}))
        first.start()
        time.sleep(0.2)
        reply = call("POST", f"{url}/execute", {"prompt": "hello", "config": {"timeout_seconds": 0.3}})
        assert (reply.status, reply.json["type"]) == (504, "deadline")
        assert first.is_alive()  # the place was not free yet
        first.join()


# Fallbacks: only where declared, only before the first byte.
SECOND = Target("simulate", "vendor/second")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("failure", ["429", "503", "502", "402", "404", "reset"])
def test_a_declared_fallback_is_called_and_named(simulator, gateway_to, call, failure, stream):
    profile = Profile(NAME, "openrouter", f"simulate/{failure}", max_tokens=100, retries=0, fallbacks=(SECOND,))
    with gateway_to(simulator, {NAME: profile}) as url:
        reply = call("POST", f"{url}/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": stream})
        plain = call("POST", f"{url}/execute", {"prompt": "hello"})
    text = reply.octets.decode()
    assert reply.status == 200
    assert '"vendor/second"' in text
    assert f"simulate/{failure}" not in text
    metadata = plain.json["metadata"]
    assert (plain.json["model"], metadata["provider"]) == ("vendor/second", "simulate")
    assert metadata["model_requested"] == f"simulate/{failure}"


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_that_cannot_honour_a_field_is_passed_over(simulator, gateway_to, call, stream):
    last = Target("openrouter", "vendor/third")
    profile = Profile(NAME, "openrouter", "simulate/503", max_tokens=100, retries=0, fallbacks=(SECOND, last))
    body = {"model": NAME, "messages": HELLO, "stream": stream, "web_search_options": {}}
    with gateway_to(simulator, {NAME: profile}) as url:
        reply = call("POST", f"{url}/v1/chat/completions", body)
    assert reply.status == 200
    assert b"vendor/third" in reply.octets


@pytest.mark.parametrize("failure", ["400", "403", "not-json"])
def test_what_the_request_or_an_answer_is_to_blame_for_is_not_tried_elsewhere(simulator, gateway_to, call, failure):
    profile = Profile(NAME, "openrouter", f"simulate/{failure}", retries=0, fallbacks=(SECOND,))
    with gateway_to(simulator, {NAME: profile}) as url:
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).status != 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_that_no_budget_has_room_for_is_not_called(
    simulator, gateway_to, call, tmp_path, *, request_lines, caplog, stream
):
    """What the declared model came to is the answer, since that was called; it may have served, and keeps its bound."""
    profile = Profile(NAME, "openrouter", "simulate/reset", max_tokens=100, retries=0, fallbacks=(SECOND,))
    body = {"model": NAME, "messages": HELLO, "stream": stream}
    given = {"budgets": (Budget("total", tokens=400),), "state": str(tmp_path)}
    with gateway_to(simulator, {NAME: profile}, **given) as url:
        first, second = (call("POST", f"{url}/v1/chat/completions", body).json["error"]["type"] for _ in "12")
    assert (first, second) == ("provider_reset", "budget_exhausted")
    assert [(line["attempts"], line["provider"]) for line in request_lines()] == [(1, "openrouter"), (0, "openrouter")]
    (logged,) = (record.fields for record in caplog.records if record.message == "no further attempt")
    assert (logged["model"], logged["type"]) == ("vendor/second", "budget_exhausted")


@pytest.mark.parametrize("ends", [True, False])
def test_a_stream_that_is_cut_or_silent_before_its_first_event_is_tried_elsewhere(serving, gateway_to, call, ends):
    """OpenRouter's comments come at once, long before a model says anything."""

    async def wait(_request):
        async def body():
            yield b": PROCESSING\n\n"
            if not ends:
                await asyncio.sleep(5)

        return StreamingResponse(body(), media_type="text/event-stream")

    profile = Profile(NAME, "openrouter", "a/b", retries=0, idle_seconds=0.3, fallbacks=(SECOND,))
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", wait, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", {NAME: profile}) as url,
    ):
        reply = call("POST", f"{url}/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": True})
    assert reply.status == 200
    assert b"vendor/second" in reply.octets


def test_after_the_first_byte_there_is_no_fallback(simulator, gateway_to, call):
    profile = Profile(NAME, "openrouter", "simulate/stream-error", retries=0, fallbacks=(SECOND,))
    with gateway_to(simulator, {NAME: profile}) as url:
        reply = call("POST", f"{url}/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": True})
    assert b"vendor/second" not in reply.octets
    assert b"provider_down" in reply.octets


@pytest.mark.parametrize(("failure", "calls"), [("429", 1), ("503", 3), ("500", 1), ("reset", 1), ("400", 1)])
def test_only_what_certainly_did_nothing_is_tried_again(serving, gateway_to, call, failure, calls):
    """429 asks for seven seconds, which is longer than the longest wait."""
    seen = []

    async def fail(request):
        seen.append(1)
        headers = {"retry-after": "7"} if failure == "429" else {}
        return JSONResponse({"error": {"code": int(failure), "message": "no"}}, int(failure), headers)

    async def drop(request):
        seen.append(1)
        reset(request)
        return web.Response()

    if failure == "reset":
        app = web.Application()
        app.router.add_post("/v1/chat/completions", drop)
    else:
        app = Starlette(routes=[Route("/v1/chat/completions", fail, methods=["POST"])])
    profile = Profile(NAME, "openrouter", "a/b", retries=2, retry_wait_seconds=3)
    with (
        serving(app) as upstream,
        gateway_to(f"{upstream}/v1", {NAME: profile}) as url,
    ):
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).status != 200
    assert len(seen) == calls


@pytest.mark.parametrize("failure", ["error-in-200", "error-in-choice", "busy-in-200", "finish-error"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_failed_when_a_model_was_at_work_is_not_asked_for_again(serving, gateway_to, call, failure, stream):
    """Also where its code is one that is tried again as a status: inside of a 200 it came too late."""
    whole = {"id": "1", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}]}
    errors = {name: {"error": {"code": code, "message": "no"}} for name, code in (("429", 429), ("503", 503))}
    choice = whole["choices"][0] | {"finish_reason": "error"}
    body = {
        "error-in-200": errors["429"],
        "busy-in-200": errors["503"],
        "error-in-choice": whole | {"choices": [choice | errors["429"]]},
        "finish-error": whole | {"choices": [choice]},
    }[failure]
    seen = []

    async def fail(request):
        seen.append(1)
        return (
            PlainTextResponse(f"data: {json.dumps(body)}\n\n", media_type="text/event-stream")
            if stream
            else (JSONResponse(body))
        )

    profile = Profile(NAME, "openrouter", "a/b", retries=2)
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", fail, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", {NAME: profile}) as url,
    ):
        reply = call("POST", f"{url}/v1/chat/completions", {"model": NAME, "messages": HELLO, "stream": stream})
    assert reply.status != 200
    assert seen == [1]


def test_readiness_drops_first_and_requests_are_still_taken(program, call):
    environment = {"LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER": "simulate"}
    arguments = ("serve", "--port", "0", "--drain-delay-seconds", "60")
    with program(*arguments, environment=environment) as process:
        assert call("GET", f"{process.url}/ready").status == 200
        process.terminate()
        assert eventually(lambda: call("GET", f"{process.url}/ready").status == 503)
        reply = call("GET", f"{process.url}/ready")
        assert (reply.json["type"], reply.headers["x-should-retry"]) == ("stopping", "true")
        assert call("POST", f"{process.url}/execute", {"prompt": "hello"}).status == 200
        process.terminate()  # the second one ends the delay
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_memory_is_flat(program, call):
    """After a first thousand requests, five thousand more take no more than a few megabytes."""
    environment = {"LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER": "simulate"}
    with program("serve", "--port", "0", "--log-level", "error", environment=environment) as process:
        asyncio.run(_many(address_of(process.url), 1000))
        before = _resident(process.pid)
        asyncio.run(_many(address_of(process.url), 5000))
        after = _resident(process.pid)
    assert after - before < 6 * 1024 * 1024


def _resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _many(address, count):
    async def some(requests):
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(requests):
            writer.write(request_of("/execute", {"prompt": "hello"}))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
            await reader.readexactly(length)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(some(count // 10) for _ in range(10)))
