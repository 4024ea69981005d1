"""Answers of an HTTP server that decide nothing, byte by byte: each kind, and what is said of it."""

import socket
import time

from byte_server import status


def json_answer(body: bytes, code: int = 200, *headers: bytes) -> bytes:
    """A whole answer with that body."""
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (code, len(body))
    return head + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + body


def dripping(client: socket.socket) -> None:
    """A head that never ends, a byte at a time: no single wait is long."""
    for octet in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4096:
        client.sendall(bytes([octet]))
        time.sleep(0.05)


def dripping_body(client: socket.socket) -> None:
    """A body that comes a byte at a time."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n")
    for _ in range(4096):
        client.sendall(b" ")
        time.sleep(0.05)


def silent(client: socket.socket) -> None:
    """Nothing at all, for longer than anybody waits."""
    time.sleep(5)


def half_closed(client: socket.socket) -> None:
    """A head, and then the server says no more."""
    client.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"deci')
    client.shutdown(socket.SHUT_WR)


def endless(client: socket.socket) -> None:
    """A body of any length."""
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(4096):
        client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


UNUSABLE = {
    "not JSON": (json_answer(b"<html>true</html>"), "not one JSON object"),
    "empty": (json_answer(b""), "not one JSON object"),
    "a list": (json_answer(b"[true]"), "not one JSON object"),
    "two documents": (json_answer(b'{"decision": true, "effect": "allow", "id": "1"} {}'), "not one JSON object"),
    "deep": (json_answer(b'{"a":' * 12_000), "not one JSON object"),
    "not UTF-8": (json_answer(b'{"decision": true, "effect": "allow", "id": "\xff"}'), "not one JSON object"),
    "said twice": (
        json_answer(b'{"decision": false, "effect": "deny", "decision": true, "effect": "allow", "id": "1"}'),
        "not one JSON object",
    ),
    "accepted": (json_answer(b'{"decision": true, "effect": "allow", "id": "1"}', 202), "answered 202"),
    "bad request": (status(400), "answered 400"),
    "unauthorized": (status(401), "does not let warden ask"),
    "forbidden": (json_answer(b'{"decision": true, "effect": "allow", "id": "1"}', 403), "does not let warden ask"),
    "not found": (status(404), "answered 404"),
    "too many": (status(429), "answered 429"),
    "broken": (status(500, b'{"decision": true, "effect": "allow", "id": "1"}'), "answered 500"),
    "redirect": (json_answer(b"", 307, b"Location: http://127.0.0.1:1/"), "a redirect, which is not followed"),
    "compressed": (
        json_answer(b'{"decision": true, "effect": "allow", "id": "1"}', 200, b"Content-Encoding: gzip"),
        "in a coding that was not asked for",
    ),
    "large": (json_answer(b'{"decision": true, "effect": "allow", "id": "1"}' + b" " * 70_000), "more than 64 KiB"),
    "endless": (endless, "more than 64 KiB"),
    "half-closed": (half_closed, "closed the connection without an answer"),
    "closed": (lambda client: None, "closed the connection without an answer"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "closed the connection without an answer"),
    "silent": (silent, "gave no answer within 1 s"),
    "dripping": (dripping, "gave no answer within 1 s"),
    "dripping body": (dripping_body, "gave no answer within 1 s"),
}
"""Name -> the answer (bytes, or a function of the socket), and a part of what warden says."""
