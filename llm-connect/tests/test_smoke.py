"""`smoke` against something that is not a gateway, or a bad one: it keeps the token and never waits for ever."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

TOKEN = "caller-token-0123456789"
FINE = {"health": {"status": "alive"}, "ready": {"status": "ready"}}


@contextmanager
def answering(play):
    """A server; `play` gives status, headers and octets for a handler. Its URL and the headers it has seen."""
    seen = []

    class Requests(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append(dict(self.headers))
            status, headers, octets = play(self)
            self.send_response(status)
            for name, value in ({"content-length": str(len(octets))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = answer  # noqa: N815 - the names of http.server

        def log_message(self, *_):
            return

    class Listening(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):  # a client that left is part of the tests
            return

    with Listening(("127.0.0.1", 0), Requests) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", seen
        finally:
            listening.shutdown()
            thread.join(5)


def fine(execute):
    """A gateway that is well, and answers `execute` to the third check."""

    def play(handler):
        document = FINE.get(handler.path.strip("/"), execute)
        return 200, {}, json.dumps(document).encode()

    return play


@pytest.fixture
def smoke(run, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    return lambda url, *more: run("smoke", "--url", url, "--token-file", str(tmp_path / "token"), *more)


def test_the_token_does_not_follow_a_redirect(smoke):
    with (
        answering(fine({})) as (elsewhere, stolen),
        answering(lambda each: (307, {"location": elsewhere + each.path}, b"")) as (url, seen),
    ):
        done = smoke(url)
    assert (done.returncode, stolen, len(seen)) == (1, [], 3)
    assert done.stdout.count("a redirect, which is not followed") == 3


@pytest.mark.parametrize(
    "url", ["http://u:hunter22@127.0.0.1:1", "http://127.0.0.1:1/?key=hunter22", "http://h/#hunter22"]
)
def test_an_address_with_more_than_an_address_is_refused_and_not_repeated(smoke, url):
    done = smoke(url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hunter22" not in done.stderr
    assert "without user, query and fragment" in done.stderr


def test_what_answers_neither_repeats_the_token_nor_steers_the_terminal(smoke):
    def play(handler):
        answer = {
            "type": "caller_unknown",
            "message": f"no \x1b[2J{handler.headers['authorization']}\n" + "word " * 999,
        }
        return 401, {}, json.dumps(answer).encode()

    with answering(play) as (url, _):
        for more in ([], ["--json"]):
            done = smoke(url, *more)
            assert done.returncode == 1
            assert TOKEN not in done.stdout + done.stderr
            assert "\x1b" not in done.stdout
            assert "[key removed]" in done.stdout
            assert len(done.stdout) < 3000


@pytest.mark.parametrize("document", [{}, {"status": "ok"}, {"status": ["alive"]}, [], "alive"])
def test_what_is_no_gateway_is_not_taken_for_one(smoke, document):
    with answering(lambda _: (200, {}, json.dumps(document).encode())) as (url, _):
        done = smoke(url)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["FAIL"] * 3
    if isinstance(document, dict):
        assert "not an answer of llm-connect; is it the right URL?" in done.stdout
    with answering(lambda _: (404, {}, json.dumps({"detail": "Not Found"}).encode())) as (url, _):
        assert "None" not in smoke(url).stdout


@pytest.mark.parametrize("usage", [[1], "many", 7, None])
def test_an_answer_of_another_form_is_a_failed_check_and_no_traceback(smoke, usage):
    with answering(fine({"content": "prose", "usage": usage, "model": ["m"]})) as (url, _):
        done = smoke(url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "not a triage report" in done.stdout.splitlines()[-1]


def test_json_that_is_nested_too_deeply_is_no_object(smoke):
    with answering(lambda _: (200, {}, b"[" * 200_000)) as (url, _):
        done = smoke(url)
    assert (done.returncode, done.stdout.count("the answer is not a JSON object"), done.stderr) == (1, 3, "")


def trickle(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
    for _ in range(50):
        time.sleep(0.1)
        handler.wfile.write(b" ")
    return 200, {}, b""


def test_a_server_that_sends_an_octet_at_a_time_is_late(smoke):
    with answering(trickle) as (url, _):
        done = smoke(url, "--timeout-seconds", "1")
    assert (done.returncode, "no answer in time" in done.stderr) == (3, True)


def test_an_answer_without_end_is_read_no_further_than_16_mib(smoke):
    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(b" " * 1_000_000)

    with answering(endless) as (url, _):
        done = smoke(url)
    assert (done.returncode, done.stdout.count("FAIL")) == (1, 3)


@contextmanager
def saying(answer):
    """The port of a server that says this once, whatever it is answer."""
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def once():
            connection, _ = plain.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        yield plain.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 no TLS here\r\n\r\n", b""])
def test_https_where_http_is_spoken(smoke, answer):
    with saying(answer) as port:
        done = smoke(f"https://127.0.0.1:{port}")
    assert (done.returncode, "cannot be reached (it does not speak TLS)" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b""])
def test_what_speaks_no_http_is_reported_without_the_name_of_an_exception(smoke, answer):
    with saying(answer) as port:
        done = smoke(f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be reached (it closed the connection without an answer, or does not speak HTTP)" in done.stderr
