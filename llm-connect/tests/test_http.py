"""Methods, versions and forms of requests, as RFC 9110 and RFC 9112 have them, on raw connections."""

from __future__ import annotations

import json
import socket

import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

HOST = b"host: a\r\n"
PROMPT = b'{"prompt": "hello"}'
CHAT = json.dumps({
    "model": CUSTODIAN_TRIAGE.name, "messages": [{"role": "user", "content": "hello"}], "stream": True,
}).encode()  # fmt: skip


@pytest.fixture
def send(gateway):
    """What comes back for these octets until the server is silent, and whether it closed the connection."""

    def exchange(octets, seconds=20.0, until=None):
        with socket.create_connection(tuple(gateway.removeprefix("http://").split(":"))) as client:
            client.settimeout(seconds)
            client.sendall(octets)
            received = b""
            try:
                while part := client.recv(65536):
                    received += part
                    if until and received.endswith(until):
                        return received, False
            except TimeoutError:
                return received, False
            return received, True

    return exchange


def post(path, body, headers=b"", version=b"1.1"):
    head = b"POST %b HTTP/%b\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n" % (
        path, version, HOST, len(body),
    )  # fmt: skip
    return head + headers + b"\r\n" + body


def head_of(octets):
    lines = octets.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    return lines[0], dict(line.split(": ", 1) for line in lines[1:])


ALLOWED = {
    "/health": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/execute": "OPTIONS, POST",
    "/v1/chat/completions": "OPTIONS, POST",
    "/v1/models": "GET, HEAD, OPTIONS",
    f"/v1/models/{CUSTODIAN_TRIAGE.name}": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_each_path_says_which_methods_it_has(gateway, call, path):
    reply = call("OPTIONS", f"{gateway}{path}")
    assert (reply.status, reply.headers["allow"], reply.octets) == (204, ALLOWED[path], b"")
    for method in ("DELETE", "PUT", "PATCH", "TRACE", "BREW"):
        reply = call(method, f"{gateway}{path}")
        assert (reply.status, reply.headers["allow"]) == (405, ALLOWED[path])


def test_the_whole_server_says_so(send):
    line, headers = head_of(send(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n")[0])
    assert (line, headers["allow"]) == ("http/1.1 204 no content", "GET, HEAD, OPTIONS, POST".lower())
    assert head_of(send(b"GET * HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n")[0])[0].endswith("404 not found")


def test_options_allow_nothing_to_pages_of_other_origins(gateway, call):
    asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
    reply = call("OPTIONS", f"{gateway}/execute", headers=asked)
    assert not [name for name in reply.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", [path for path, allowed in ALLOWED.items() if "GET" in allowed])
def test_head_is_get_without_its_body(gateway, call, path):
    reply, whole = call("HEAD", f"{gateway}{path}"), call("GET", f"{gateway}{path}")
    assert (reply.status, reply.octets, reply.headers["content-type"]) == (200, b"", whole.headers["content-type"])
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize("target", [b"http://other.example/health", b"http://other.example:80/health?a=b", b"/health?"])
def test_a_target_may_be_absolute(send, target):
    received, _ = send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n")
    assert b'"alive"' in received


@pytest.mark.parametrize("kept", [b"", b"connection: keep-alive\r\n"])
def test_http_1_0_gets_a_stream_without_chunks_that_ends_with_its_connection(send, kept):
    received, closed = send(post(b"/v1/chat/completions", CHAT, kept, b"1.0"))
    line, headers = head_of(received)
    assert (line, closed) == ("http/1.0 200 ok", True)
    assert "transfer-encoding" not in headers
    assert "close" in headers["connection"]
    body = received.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")


def test_http_1_0_is_closed_unless_it_asks_otherwise(send):
    received, closed = send(post(b"/execute", PROMPT, version=b"1.0") * 2)
    assert (received.count(b"HTTP/1.0 200 OK"), closed) == (1, True)
    assert b"content-length" in received
    received, _ = send(post(b"/execute", PROMPT, b"connection: keep-alive\r\n", b"1.0") * 2, 1.0)
    assert received.count(b"HTTP/1.0 200 OK") == 2


def test_http_1_0_needs_no_host(send):
    received, closed = send(b"GET /health HTTP/1.0\r\n\r\n")
    assert (received.startswith(b"HTTP/1.0 200 "), closed) == (True, True)


def test_http_1_1_gets_chunks_and_keeps_its_connection(send):
    received, closed = send(post(b"/v1/chat/completions", CHAT), until=b"0\r\n\r\n")
    assert (head_of(received)[1]["transfer-encoding"], closed) == ("chunked", False)


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"3.0", b"x"])
def test_another_version_is_refused(send, version):
    received, closed = send(post(b"/execute", PROMPT, version=version))
    assert (received.startswith(b"HTTP/1.1 400 "), closed) == (True, True)


def test_http_2_without_negotiation_is_refused(send, gateway, call):
    received, closed = send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert (b"200" in received, closed) == (False, True)
    assert call("GET", f"{gateway}/health").status == 200
