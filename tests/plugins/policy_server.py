"""Policy points on a real socket: an OpenID AuthZEN PDP and a flex-auth, with the semantics of their contracts.

Both permit what `permits` lists: (subject id, action, resource id). Each request is checked as the contract wants it;
what is wrong with it is answered with 400 and kept in `faults`, so that a test of the client sees it.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WELL_KNOWN = "/.well-known/authzen-configuration"
Answer = tuple[int, Any, dict[str, str]]


@dataclass
class PolicyServer:
    """What a point permits, how it is spoken to, and what it heard.

    ``kind`` is ``authzen`` or ``flex-auth``; ``tenant`` is the path below which an AuthZEN PDP is; ``metadata`` are
    answered in place of its own, a status in place of any. ``own_id`` is sent back in place of the request's id.
    """

    kind: str
    permits: set[tuple[str, str, str]] = field(default_factory=set)
    token: str = ""
    tenant: str = ""
    reason: Any = None
    echoes: bool = True
    own_id: str = ""
    metadata: Any = "own"
    asked: list[dict[str, Any]] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def point(self) -> str:
        """Its URL, as platform.yaml names it."""
        return f"{self.url}{self.tenant}"

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Status, document and headers for one request."""
        self.heard.append(headers)
        self.paths.append(f"{method} {path}")
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            return 401, "who are you?", {}
        if self.kind == "authzen" and (method, path) == ("GET", f"{WELL_KNOWN}{self.tenant}"):
            return (self.metadata, "", {}) if isinstance(self.metadata, int) else (200, self._metadata(), {})
        wanted = f"{self.tenant}/access/v1/evaluation" if self.kind == "authzen" else "/v1/check"
        if (method, path) != ("POST", wanted):
            return 404, "no such thing", {}
        document = json.loads(body)
        self.asked.append(document)
        if faults := list(self._faults(document, headers)):
            self.faults += faults
            return 400, "; ".join(faults), {}
        return self._authzen(document, headers) if self.kind == "authzen" else self._flex_auth(document)

    def _metadata(self) -> Any:
        own = {
            "policy_decision_point": self.point,
            "access_evaluation_endpoint": f"{self.point}/access/v1/evaluation",
        }
        return own if self.metadata == "own" else self.metadata

    def _faults(self, document: dict[str, Any], headers: dict[str, str]) -> Iterator[str]:
        if headers.get("content-type") != "application/json":
            yield "not application/json"
        if self.kind == "authzen":
            wanted = {"subject": {"type", "id"}, "action": {"name"}, "resource": {"type", "id"}}
        else:
            wanted = {"subject": {"type", "id"}, "resource": {"id", "type", "system"}, "tenant": set()}
            if not isinstance(document.get("action"), str):
                yield "action is not a text"
        for key, members in wanted.items():
            found = document.get(key)
            if members and (not isinstance(found, dict) or not all(isinstance(found.get(m), str) for m in members)):
                yield f"{key} lacks one of {sorted(members)}"
        if not isinstance(document.get("context"), dict):
            yield "context is not an object"

    def _authzen(self, document: dict[str, Any], headers: dict[str, str]) -> Answer:
        asked = (document["subject"]["id"], document["action"]["name"], document["resource"]["id"])
        answer: dict[str, Any] = {"decision": asked in self.permits}
        if self.reason is not None:
            answer["context"] = self.reason
        echoed = self.own_id or headers.get("x-request-id", "")
        return 200, answer, {"X-Request-ID": echoed} if self.echoes else {}

    def _flex_auth(self, document: dict[str, Any]) -> Answer:
        name = document["resource"]["id"].rpartition("/" if document["action"] == "sign" else ":")[2]
        if (document["subject"]["id"], document["action"], name) in self.permits:
            return 200, {"effect": "allow", "id": f"flex-{len(self.asked)}"}, {}
        return 200, {"effect": "deny", "reason": self.reason or "no rule permits it"}, {}


@contextmanager
def policy_server(kind: str, *, tls: ssl.SSLContext | None = None, **given: Any) -> Iterator[PolicyServer]:
    """A point on a random port of this machine."""
    found = PolicyServer(kind, **given)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["content-length"])))

        def reply(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document, more = found.answer(self.command, self.path, body, headers)
            content = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **more}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
