"""What has to be tidied up after an access decides nothing: the value was read, and the command gets it."""

import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from warden.adapters.journal.sqlite import SqliteJournal

REVOKE = "/v1/auth/token/revoke-self"
LOOKUP = "/v1/auth/token/lookup-self"


@contextlib.contextmanager
def between(world, path: str, status: int | None, asked: threading.Event | None = None) -> Iterator[str]:
    """The server behind a proxy that answers `path` itself: with a status, or (``None``) not at all.

    `asked` is set when it is asked for that.
    """
    there = urlsplit(world.server.address)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path == path:
                if asked is not None:
                    asked.set()
                if status is None:
                    time.sleep(60)
                self._reply(status or 500, b'{"errors":["of the proxy"]}')
                return
            connection = http.client.HTTPConnection(there.hostname, there.port, timeout=30)
            connection.request(self.command, self.path, content, dict(self.headers))
            answer = connection.getresponse()
            self._reply(answer.status, answer.read())
            connection.close()

        do_GET = do_POST = do_PUT = _forward  # noqa: N815 - names of http.server

        def _reply(self, code: int, body: bytes) -> None:
            with contextlib.suppress(OSError):
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def as_pod(world, **changed: str) -> dict[str, str]:
    """With a projected token, for which warden gets one of OpenBao's."""
    file = world.folder / "sa-token"
    file.write_text(world.server.mint(world.reader))
    return {"WARDEN_SA_TOKEN_FILE": str(file)} | changed


def hand_over(world, **changed: str) -> "subprocess.CompletedProcess[str]":
    return world.run("access", world.lane, "--", "sh", "-c", 'printf %s "$API_KEY"', **as_pod(world, **changed))


def ends(world):
    """Every record after the decision, by event, with what became of the token."""
    log = SqliteJournal(str(world.journal)).log()
    return [(each.event, each.body.get("token")) for each in log if each.event != "decision"]


def handed(token):
    return [("access.begin", None), ("access.handed", token)]


def test_a_token_that_can_be_revoked_is(lane_world):
    assert hand_over(lane_world).stdout == lane_world.values["API_KEY"]
    assert ends(lane_world) == handed("revoked")


@pytest.fixture
def batch_mount(lane_world):
    """The reader's auth mount, tuned so that every login gets a batch token."""
    lane_world.server.must("POST", "sys/auth/kubernetes/tune", {"token_type": "default-batch"})
    yield lane_world
    lane_world.server.must("POST", "sys/auth/kubernetes/tune", {"token_type": "default-service"})


def test_a_mount_that_gives_batch_tokens(batch_mount):
    done = hand_over(batch_mount)
    assert (done.returncode, done.stdout, done.stderr) == (0, batch_mount.values["API_KEY"], "")
    assert ends(batch_mount) == handed("expires")
    fetched = batch_mount.run("access", batch_mount.lane, "--fetch", "API_KEY", **as_pod(batch_mount))
    assert (fetched.returncode, fetched.stdout) == (0, batch_mount.values["API_KEY"])


@pytest.mark.parametrize(("kind", "end"), [("batch", "expires"), ("service", "revoked"), ("default", "revoked")])
def test_a_role_that_gives_tokens_of_a_type(lane_world, kind, end):
    role = f"auth/kubernetes/role/workload-{lane_world.tenant}-api"
    fields = lane_world.server.must("GET", role)["data"]
    lane_world.server.must("POST", role, {**fields, "token_type": kind})
    assert hand_over(lane_world).stdout == lane_world.values["API_KEY"]
    assert ends(lane_world) == handed(end)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 502, 503, None])
def test_a_revocation_that_fails(lane_world, status):
    with between(lane_world, REVOKE, status) as address:
        began = time.monotonic()
        done = hand_over(lane_world, BAO_ADDR=address)
        took = time.monotonic() - began
    assert (done.returncode, done.stdout, done.stderr) == (0, lane_world.values["API_KEY"], "")
    assert ends(lane_world) == handed("not-revoked")
    assert took < 50


def test_a_token_that_is_gone_already_counts_as_revoked(lane_world):
    with between(lane_world, REVOKE, 403) as address:
        assert hand_over(lane_world, BAO_ADDR=address).returncode == 0
    assert ends(lane_world) == handed("revoked")


def test_a_token_is_revoked_although_the_server_does_not_say_whose_it_is(lane_world):
    lines = lane_world.server.audit_file
    with open(lines, "rb") as audit:
        audit.seek(0, 2)
        with between(lane_world, LOOKUP, 500) as address:
            assert hand_over(lane_world, BAO_ADDR=address).returncode == 125
        assert b'"auth/token/revoke-self"' in audit.read()


@pytest.mark.parametrize("status", [429, None])
def test_an_access_that_failed_keeps_its_own_reason(lane_world, status):
    lane_world.fill({"API_KEY": "x"})
    with between(lane_world, REVOKE, status) as address:
        done = lane_world.run("access", lane_world.lane, "--json", "--", "true", **as_pod(lane_world, BAO_ADDR=address))
    assert (done.returncode, json.loads(done.stderr)["kind"]) == (125, "missing")
    assert ends(lane_world) == [("access.begin", None), ("access.failed", "not-revoked")]


@contextlib.contextmanager
def by_default(number: int) -> Iterator[None]:
    """What starts in here does with the signal what it does by default, also below ``nohup``."""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("path", ["read", "revoke"])
def test_an_access_that_is_interrupted_has_an_end(lane_world, sent, path):
    held = REVOKE if path == "revoke" else f"/v1/{lane_world.path.replace('platform/', 'platform/data/', 1)}"
    asked = threading.Event()
    with between(lane_world, held, None, asked) as address:
        env = lane_world.env(**as_pod(lane_world, BAO_ADDR=address))
        with by_default(sent):
            started = subprocess.Popen(
                ["warden", "access", lane_world.lane, "--", "true"], env=env, stderr=subprocess.PIPE
            )
        assert asked.wait(30)
        started.send_signal(sent)
        _, stderr = started.communicate(timeout=20)
    assert b"Traceback" not in stderr
    assert started.returncode == (130 if sent == signal.SIGINT else -sent)
    assert [event for event, _ in ends(lane_world)] == ["access.begin", "access.failed"]
    assert SqliteJournal(str(lane_world.journal)).log()[-1].body["kind"] == "interrupted"
