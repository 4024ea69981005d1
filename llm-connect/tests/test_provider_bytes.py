"""What comes from a provider byte by byte: letters cut in two, invalid UTF-8, half-closed connections."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile

NAME = CUSTODIAN_TRIAGE.name
TEXT = "Grüße, 東京 🗼"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n"


@contextmanager
def provider(answer):
    """The URL of a server that lets `answer(connection)` answer each request, and how many it has read."""
    requests = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with connection:
            connection.settimeout(30)
            while read_request(connection):
                requests.append(1)
                if answer(connection) == "no more":
                    return

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(30)


def read_request(connection):
    octets = b""
    while b"\r\n\r\n" not in octets or len(octets) < length_of(octets):
        piece = connection.recv(65536)
        if not piece:
            return False
        octets += piece
    return True


def length_of(octets):
    head, _, _ = octets.lower().partition(b"\r\n\r\n")
    return len(head) + 4 + int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])


def whole(content=TEXT, part="message"):
    choice = {"index": 0, part: {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"id": "1", "model": "m", "choices": [choice]}, ensure_ascii=False).encode()


def plain(octets):
    return HEAD % b"application/json" + b"content-length: %d\r\n\r\n" % len(octets) + octets


def events(octets):
    body = b"data: " + octets + b"\n\ndata: [DONE]\n\n"
    return HEAD % b"text/event-stream" + b"content-length: %d\r\n\r\n" % len(body) + body


def ask(call, gateway_to, base, *, stream=False):
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with gateway_to(base, {NAME: Profile(NAME, "openrouter", "a/b", retries=0)}) as url:
        return call("POST", f"{url}/v1/chat/completions", body)


@pytest.mark.parametrize("stream", [False, True])
def test_letters_that_are_cut_in_two_arrive_whole(gateway_to, call, stream):
    octets = events(whole(part="delta")) if stream else plain(whole())

    def byte_by_byte(connection):
        for place in range(len(octets)):
            connection.sendall(octets[place : place + 1])
            if octets[place] > 127:
                time.sleep(0.01)  # so that it is read by itself

    with provider(byte_by_byte) as (base, _):
        reply = ask(call, gateway_to, base, stream=stream)
    text = reply.octets.decode().removeprefix("data: ").partition("\n")[0]
    choice = json.loads(text)["choices"][0]
    assert choice["delta" if stream else "message"]["content"] == TEXT


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("octets", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf8_never_leave_as_such(gateway_to, call, octets, stream):
    """A plain answer with them is not JSON. In events each becomes U+FFFD, as the HTML standard has it."""
    broken = whole("@", "delta" if stream else "message").replace(b"@", octets)

    def answer(connection):
        connection.sendall(events(broken) if stream else plain(broken))

    with provider(answer) as (base, _):
        reply = ask(call, gateway_to, base, stream=stream)
    if stream:
        assert "\ufffd" in json.loads(reply.octets.decode().splitlines()[0][6:])["choices"][0]["delta"]["content"]
    else:
        assert (reply.status, reply.json["error"]["type"]) == (502, "provider_not_json")


@pytest.mark.parametrize(
    ("sent", "type_"),
    [
        (b"", "provider_reset"),
        (HEAD % b"application/json", "provider_reset"),
        (plain(whole())[:-9], "provider_cut"),
        (events(whole(part="delta"))[:-40], "provider_cut"),
    ],
    ids=["nothing", "half a head", "half a body", "half a stream"],
)
@pytest.mark.parametrize("half", [True, False])
def test_a_provider_that_stops_sending_gave_no_answer(gateway_to, call, sent, type_, half):
    """It may still read: for the gateway it is over."""

    def answer(connection):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR if half else socket.SHUT_RDWR)

    with provider(answer) as (base, requests):
        reply = ask(call, gateway_to, base, stream=b"event-stream" in sent)
    problem = json.loads(reply.octets.decode().split("data: ")[-1])["error"]
    assert (problem["type"], len(requests)) == (type_, 1)


def test_a_kept_connection_that_the_provider_half_closed_is_closed_and_not_asked_again(gateway_to, call):
    """Each answer is followed by the end of its connection, without a word of it in the head."""
    ended = threading.Semaphore(0)
    late = []

    def answer(connection):
        connection.sendall(plain(whole()))
        connection.shutdown(socket.SHUT_WR)
        late.append(connection.recv(65536))  # nothing: the gateway has closed its side too
        ended.release()
        return "no more"

    with provider(answer) as (base, requests), gateway_to(base) as url:
        found = []
        for _ in range(20):
            found.append(call("POST", f"{url}/execute", {"prompt": "hello"}).status)
            assert ended.acquire(timeout=30)
    assert found == [200] * 20
    assert late == [b""] * 20
    assert len(requests) == 20
