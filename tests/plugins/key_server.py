"""A provider of keys on a real socket that lies when it is told to: what the simulators of several APIs share.

An API is a subclass: `answer` gets an operation (``test``, ``list``, ``create``, ``delete``) with its request and gives
status and body. Where a lie was chosen for the operation the client hears that instead, before or after it is done.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PAGE = b"<html><head><title>Sign in</title></head><body>proxy</body></html>"
LIES = {
    "500": (500, {"error": {"code": 500, "message": "Internal server error"}, "message": "", "url": ""}),
    "503": (503, {"error": {"code": 503, "message": "overloaded"}, "message": "overloaded", "url": ""}),
    "429": (429, {"error": {"code": 429, "message": "Rate limit exceeded"}, "message": "slow down", "url": ""}),
    "error-in-200": (200, {"error": {"code": 502, "message": "Provider returned error"}}),
    "not-json": (200, PAGE),
    "html-502": (502, PAGE),
    "html-401": (401, PAGE),
    "not-object": (200, ["not", "an", "object"]),
    "empty-body": (200, b""),
    "redirect": (307, b""),
}
"""Whole answers; beside them ``silent``, ``reset`` and ``echo-key``."""


@dataclass
class Key:
    """``accepted_until`` is of `time.monotonic`, None while it is there."""

    id: str
    name: str
    value: str
    settings: dict[str, Any] = field(default_factory=dict)
    created: int = 1_700_000_000
    last_used: int | None = None
    accepted_until: float | None = None


@dataclass
class Lie:
    on: str
    how: str
    done: bool = False
    times: int = 1


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: Any


class KeyServer:
    """Serves in threads of its own between `start` and `stop`; `asked` counts what was asked for."""

    def __init__(self, *, page: int = 100) -> None:
        self.page = page
        self.keys: dict[str, Key] = {}
        self.ended: list[Key] = []
        self.asked: list[str] = []
        self.lies: list[Lie] = []
        self.still_accepted = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

    # -- an API -------------------------------------------------------------------------------------------------------

    def operation(self, request: Request) -> str:
        raise NotImplementedError

    def answer(self, operation: str, request: Request) -> tuple[int, Any]:
        raise NotImplementedError

    # -- keys ---------------------------------------------------------------------------------------------------------

    def accepted(self, value: str) -> Key | None:
        now = time.monotonic()
        for key in (*self.keys.values(), *self.ended):
            if key.value == value and (key.accepted_until is None or now < key.accepted_until):
                key.last_used = int(time.time())
                return key
        return None

    def end(self, key: Key) -> None:
        del self.keys[key.id]
        key.accepted_until = time.monotonic() + self.still_accepted
        self.ended.append(key)

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> tuple[int, Any] | None:
        with self._lock:
            operation = self.operation(request)
            self.asked.append(operation)
            lie = next((each for each in self.lies if each.times > 0 and each.on == operation), None)
            if lie is None:
                return self.answer(operation, request)
            lie.times -= 1
            if lie.done:
                self.answer(operation, request)
        if lie.how == "silent":
            self._stopped.wait(10)
        if lie.how == "echo-key":
            said = f"Bad credentials {request.authorization} {request.authorization.rpartition(' ')[2]}"
            return 401, {"error": {"code": said.rpartition(" ")[2], "message": said}, "message": said, "url": said}
        return LIES.get(lie.how)

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # head and body in one packet: the client would wait 40 ms for the second one

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                parts = urlsplit(self.path)
                asked = Request(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    self.headers.get("authorization") or "",
                    json.loads(self.rfile.read(length)) if length else None,
                )
                found = server.respond(asked)
                if found is None:  # nothing, and the connection is reset
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                status, body = found
                content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("content-length", str(len(content)))
                    if status == 307:
                        self.send_header("location", "http://192.0.2.1/")
                    self.end_headers()
                    self.wfile.write(content)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None: ...

        return Handler
