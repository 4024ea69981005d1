"""Methods, versions and forms of requests, as RFC 9110 and RFC 9112 have them, on raw connections."""

from __future__ import annotations

import gzip
import json
import socket
import tracemalloc
import zlib

import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

HOST = b"host: localhost\r\n"
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


def test_http_1_1_needs_a_host(send):
    for host in (b"", b"host:\r\n", b"host: \r\n"):
        received, _ = send(b"GET /health HTTP/1.1\r\n" + host + b"connection: close\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 400 ")
        assert b'"host_missing"' in received


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


ENCODED = {
    "gzip": gzip.compress(PROMPT),
    "GZip": gzip.compress(PROMPT),
    "x-gzip": gzip.compress(PROMPT),
    "deflate": zlib.compress(PROMPT),
    " deflate , identity": zlib.compress(PROMPT)[2:-4],  # without the header of zlib, as some send it
    "identity": PROMPT,
    "": PROMPT,
}


@pytest.mark.parametrize("coding", ENCODED)
def test_a_body_may_be_encoded(gateway, call, coding):
    reply = call("POST", f"{gateway}/execute", ENCODED[coding], {"content-encoding": coding})
    assert (reply.status, reply.json["usage"]["prompt_tokens"]) == (200, 2)


@pytest.mark.parametrize("path", ["/execute", "/v1/chat/completions"])
@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "aes128gcm", "x" * 500, "\xe4"])
def test_another_coding_is_415_and_says_which_ones_are_read(gateway, call, path, coding):
    reply = call("POST", f"{gateway}{path}", PROMPT, {"content-encoding": coding})
    found = reply.json["error"] if path.startswith("/v1") else reply.json
    assert (reply.status, found["type"], reply.headers["accept-encoding"]) == (415, "content_encoding", "gzip, deflate")
    assert found["faults"][0]["field"] == "header content-encoding"
    assert len(reply.octets) < 500


@pytest.mark.parametrize(
    "octets",
    [
        PROMPT, b"", b"\x1f", gzip.compress(PROMPT)[:-1], gzip.compress(PROMPT)[:-9], gzip.compress(PROMPT) + b"x",
        gzip.compress(PROMPT) * 2, gzip.compress(PROMPT)[:-8] + b"\0" * 8, zlib.compress(PROMPT),
    ],
    ids=["plain", "empty", "one byte", "cut", "cut early", "more", "two", "another sum", "another coding"],
)  # fmt: skip
def test_a_body_that_is_not_encoded_as_it_says_is_400(gateway, call, octets):
    reply = call("POST", f"{gateway}/execute", octets, {"content-encoding": "gzip"})
    assert (reply.status, reply.json["type"]) == (400, "undecodable")


@pytest.mark.parametrize("size", [4 * 2**20 + 1, 5 * 10**8])
def test_a_few_bytes_do_not_become_many(gateway, call, size):
    squeeze = zlib.compressobj(9, wbits=31)
    octets = b"".join(squeeze.compress(b" " * 10**6) for _ in range(size // 10**6))
    octets += squeeze.compress(b" " * (size % 10**6)) + squeeze.flush()
    tracemalloc.start()
    try:
        reply = call("POST", f"{gateway}/execute", octets, {"content-encoding": "gzip"})
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()
    assert (reply.status, reply.json["type"]) == (413, "body_too_large")


def test_a_body_that_becomes_as_large_as_allowed_is_read(gateway, call):
    octets = PROMPT + b" " * (4 * 2**20 - len(PROMPT))
    reply = call("POST", f"{gateway}/execute", gzip.compress(octets), {"content-encoding": "gzip"})
    assert reply.status == 200


def test_a_coding_that_is_given_twice_is_refused(send):
    body = gzip.compress(PROMPT)
    received, _ = send(post(b"/execute", body, b"content-encoding: gzip\r\n" * 2 + b"connection: close\r\n"))
    assert b'"header_repeated"' in received


@pytest.mark.parametrize("kind", ["text/plain", "application/json-seq", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415_and_says_which_one_is_read(gateway, call, kind):
    reply = call("POST", f"{gateway}/execute", PROMPT, {"content-type": kind})
    assert (reply.status, reply.json["type"], reply.headers["accept"]) == (415, "content_type", "application/json")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="iso-8859-1"',
    ],
)
def test_a_charset_has_no_effect(gateway, call, kind):
    octets = '{"prompt": "Grüße"}'.encode()
    assert call("POST", f"{gateway}/execute", octets, {"content-type": kind}).json["usage"]["prompt_tokens"] == 2
    reply = call("POST", f"{gateway}/execute", '{"prompt": "Grüße"}'.encode("latin-1"), {"content-type": kind})
    assert (reply.status, reply.json["type"]) == (400, "invalid_json")
    assert "not valid UTF-8 (byte 15)" in reply.json["message"]


def test_a_byte_order_mark_is_ignored(gateway, call):
    assert call("POST", f"{gateway}/execute", b"\xef\xbb\xbf" + PROMPT).status == 200
    assert call("POST", f"{gateway}/execute", b"\xef\xbb\xbf" * 2 + PROMPT).status == 400
    for utf16 in ("utf-16", "utf-16-le"):
        assert call("POST", f"{gateway}/execute", PROMPT.decode().encode(utf16)).status == 400


CHUNKED = b"POST /execute HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\nconnection: close\r\n"


def test_a_body_may_come_in_chunks_of_any_size(send):
    chunks = b"".join(b"1\r\n" + PROMPT[place : place + 1] + b"\r\n" for place in range(len(PROMPT)))
    received, _ = send(CHUNKED + b"transfer-encoding: Chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")


def test_another_transfer_coding_is_501(send):
    body = gzip.compress(PROMPT)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    received, _ = send(CHUNKED + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunk)
    assert received.startswith(b"HTTP/1.1 501 ")
    assert b'"transfer_coding"' in received


def expecting(headers=b"", length=19, kind=b"application/json"):
    head = b"POST /execute HTTP/1.1\r\n" + HOST + b"expect: 100-continue\r\n" + headers
    return head + b"content-type: " + kind + b"\r\ncontent-length: %d\r\n\r\n" % length


def test_a_body_that_is_announced_is_asked_for(gateway):
    with socket.create_connection(tuple(gateway.removeprefix("http://").split(":"))) as client:
        client.settimeout(20)
        client.sendall(expecting())
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(PROMPT)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (expecting(length=10**9), 413),
        (expecting(b"content-encoding: br\r\n"), 415),
        (expecting(kind=b"text/plain"), 415),
        (expecting().replace(b"/execute", b"/nowhere"), 404),
        (expecting().replace(b"POST", b"PUT"), 405),
    ],
)
def test_a_body_that_would_be_refused_is_not_asked_for(send, head, status):
    received, closed = send(head)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert closed


def test_a_body_that_is_not_expected_is_read_before_it_is_refused(gateway, call):
    """A client that is still sending does not read; closing would reset it."""
    reply = call("POST", f"{gateway}/execute", b"x" * 3_000_000, {"content-encoding": "br"})
    assert reply.status == 415
