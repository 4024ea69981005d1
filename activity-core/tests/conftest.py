"""A gateway that follows llm-connect's contract or breaks it, the real program, and digests."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(sys.executable).parent / "activity-core"
SAMPLES = Path(__file__).parent.parent / "samples"
FOREIGN = ("LLM_CONNECT_", "ACTIVITY_CORE_", "STATE_HUB_", "XDG_", "NO_COLOR")

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def candidates(self) -> list[str]:
        items = self.json["config"]["model_params"]["json_schema"]["properties"]["recommendations"]["items"]
        return items["properties"]["candidate"]["enum"]


@dataclass
class Server:
    """A server at `url`; `play` answers, a function of the handler and what it has seen."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    play: Callable[[BaseHTTPRequestHandler, Seen], Reply | None] = lambda *_: (500, {}, b"")


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.path, headers, self.rfile.read(length))
            server.seen.append(seen)
            reply = server.play(self, seen)
            if reply is None:
                self.close_connection = True
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            return

    class Listening(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a client that left is part of the tests
            return

    listening = Listening(("127.0.0.1", 0), Requests)
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)


def item(candidate: str, *estimates: int, **other: Any) -> dict[str, Any]:
    """A recommendation as the model gives it."""
    names = ("user_business_value", "time_criticality", "risk_reduction_opportunity_enablement", "job_size")
    given = dict(zip(names, estimates or (3, 2, 1, 2), strict=True))
    fixed = {"rank": 1, "candidate": candidate, "action": f"Do {candidate}.", "why": "It is due.", "wsjf": given}
    return fixed | {"confidence": "high", "needs_human": False, "needs_human_reason": ""} | other


def content(*items: Any, summary: str = "A calm day.") -> str:
    return json.dumps({"summary": summary, "recommendations": list(items)})


def execute_reply(text: str, **other: Any) -> Reply:
    """A 200 of llm-connect's contract."""
    usage = {
        "prompt_tokens": 900,
        "completion_tokens": 300,
        "total_tokens": 1200,
        "reasoning_tokens": 0,
        "cost": 0.0021,
    }
    fixed = {"content": text, "model": "example/model-1", "usage": usage, "finish_reason": "stop"}
    body = fixed | {"metadata": {"profile": "custodian-triage-balanced", "request_id": "req-1"}} | other
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


def answering(*items: Any, **other: Any) -> Callable[..., Reply]:
    return lambda *_: execute_reply(content(*items), **other)


@dataclass
class World:
    """A home of its own, a gateway, and the program run in it."""

    home: Path
    gateway: Server

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        own = {"HOME": str(self.home), "LLM_CONNECT_URL": self.gateway.url, "LLM_CONNECT_TIMEOUT_SECONDS": "20"}
        return kept | own

    def run(
        self, *arguments: str, stdin: bytes = b"", largest_file: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it; with `largest_file` octets no file of it grows beyond, as on a full disk."""
        limit = (largest_file or resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=self.home,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )
        told = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in told.stderr
        return told

    def triage(self, digest: Any = None, *arguments: str, **environment: Any) -> subprocess.CompletedProcess[str]:
        """`triage --json` on a digest: a path, or a document to write."""
        path = digest if isinstance(digest, str) else self.digest(some_digest() if digest is None else digest)
        return self.run("triage", "--digest", path, "--json", *arguments, **environment)

    def digest(self, document: Any) -> str:
        path = self.home / "digest.json"
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return str(path)

    @property
    def runs(self) -> list[dict[str, Any]]:
        return json.loads(self.run("runs", "--json").stdout)["runs"]


def some_digest(*entries: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A digest of next steps; of N-1 to N-3 by default."""
    steps = list(entries) or [{"id": f"N-{number}", "title": f"Step {number}"} for number in (1, 2, 3)]
    fixed = {"generated_at": "2026-11-24T06:05:00Z", "workstreams": [], "next_steps": steps, "messages": []}
    return fixed | other


@pytest.fixture(scope="session")
def say() -> SimpleNamespace:
    """What a model, a gateway and a digest say."""
    return SimpleNamespace(item=item, content=content, reply=execute_reply, answering=answering, digest=some_digest)


@pytest.fixture
def gateway() -> Iterator[Server]:
    with serving() as server:
        server.play = answering(item("N-1"))
        yield server


@pytest.fixture
def hub() -> Iterator[Server]:
    with serving() as server:
        server.play = lambda *_: (202, {}, b"")
        yield server


@pytest.fixture
def world(tmp_path, gateway) -> World:
    return World(tmp_path, gateway)
