"""The real process under load: killed, on a full disk, with a thousand streams, with readers that do not read.

The provider is one that counts what it would bill. Nothing here depends on how fast the machine is: what is waited for
is an event, and what is compared is two counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from llm_connect.config.model import Limits
from llm_connect.config.profiles import CUSTODIAN_TRIAGE

NAME = CUSTODIAN_TRIAGE.name
HELLO = [{"role": "user", "content": "hello"}]
USED = 50
USAGE = {"prompt_tokens": 10, "completion_tokens": 40, "total_tokens": USED}
BUDGET = '[[budgets]]\nperiod = "total"\ntokens = {}\n'
MEBIBYTE = 1024 * 1024


def eventually(condition, seconds=30):
    """Whether it comes to hold; the time is only for a test that fails."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def chunk(content, reason=None, **more):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice], **more})}\n\n".encode()


WHOLE = json.dumps({
    "id": "1", "model": "m", "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}).encode()  # fmt: skip
LAST = chunk("x", "stop", usage=USAGE) + b"data: [DONE]\n\n"


class Provider:
    """Bills each request that arrived whole with USED tokens, and answers after `pause` seconds.

    Attributes:
        begun: requests that arrived.
        together: how many of them have to be there before the first is answered.
        flood: the bytes of each stream, beside its end.
        sent: bytes of floods that were taken from it.
        open: requests that are not answered yet.
        on_arrival: called when a request has arrived whole.
        last: the body of the last one.
    """

    def __init__(self, pause=0.0, together=0, flood=0, on_arrival=lambda: None):
        self.pause, self.together, self.flood, self.on_arrival = pause, together, flood, on_arrival
        self.begun = self.sent = self.open = 0
        self.last = b""
        self._all = asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.last = body
        self.on_arrival()
        self.begun += 1
        self.open += 1
        if self.begun >= self.together:
            self._all.set()
        try:
            await self._answer(send, receive, stream=json.loads(body)["stream"])
        finally:
            self.open -= 1

    async def _answer(self, send, receive, *, stream):
        kind = b"text/event-stream" if stream else b"application/json"
        head = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
        if stream:  # the head and one event at once: what is killed later was under way
            await send(head)
            await send({"type": "http.response.body", "body": chunk("x"), "more_body": True})
        await asyncio.sleep(self.pause)
        await self._all.wait()
        if stream and self.flood:
            await self._pour(send, receive)
        if not stream:
            await send(head)
        await send({"type": "http.response.body", "body": LAST if stream else WHOLE})

    async def _pour(self, send, receive):
        gone = asyncio.ensure_future(receive())
        event = chunk("x" * 65_536)
        for _ in range(self.flood // len(event)):
            if gone.done():
                break
            await send({"type": "http.response.body", "body": event, "more_body": True})
            self.sent += len(event)
        gone.cancel()


class Site:
    """A folder with a configuration, and gateways that are started with it."""

    def __init__(self, program, serving, directory, key):
        self._program, self.serving, self._key = program, serving, key
        self._directory = directory
        self.state = directory / "state"
        self.configure("")

    def configure(self, text):
        (self._directory / "llm-connect.toml").write_text(text)

    def gateway(self, upstream, before=(), **environment):
        own = {
            "OPENROUTER_API_KEY": self._key,
            "LLM_CONNECT_OPENROUTER_BASE_URL": f"{upstream}/v1",
            "LLM_CONNECT_CONFIG": str(self._directory),
            "LLM_CONNECT_STATE": str(self.state),
        }
        arguments = ("serve", "--port", "0", "--log-level", "error")
        return self._program(*arguments, environment=own | environment, before=before)


@pytest.fixture
def site(program, serving, tmp_path, key):
    return Site(program, serving, tmp_path, key)


@contextmanager
def load(call, url, threads=16):
    """Callers that ask one after the other, every other one for a stream; gives what they were answered, as counts."""
    found, stop = Counter(), threading.Event()

    def ask(stream):
        while not stop.is_set():
            body = {"model": NAME, "messages": HELLO, "stream": stream}
            try:
                reply = call("POST", f"{url}/v1/chat/completions", body)
            except (OSError, HTTPException):
                return
            whole = reply.status == 200 and (not stream or reply.octets.endswith(b"data: [DONE]\n\n"))
            found["whole" if whole else reply.json["error"]["type"] if reply.status != 200 else "cut"] += 1

    callers = [threading.Thread(target=ask, args=(bool(number % 2),)) for number in range(threads)]
    for caller in callers:
        caller.start()
    try:
        yield found
    finally:
        stop.set()
        for caller in callers:
            caller.join()


def tokens_of(state):
    """What the one budget of a ledger has as spent or reserved; None while there is nothing to read.

    Read from a copy: SQLite resolves links, and would so leave the mount of another process.
    """
    with TemporaryDirectory() as copy, suppress(sqlite3.Error):
        for file in Path(state).glob("ledger.sqlite*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy) / "ledger.sqlite")) as database:
            ((tokens,),) = database.execute("SELECT tokens FROM account").fetchall()
        return tokens
    return None


def test_after_each_kill_9_the_ledger_holds_at_least_what_the_provider_served(site, call):
    provider = Provider(pause=0.1)
    site.configure(BUDGET.format(10**9))
    with site.serving(provider) as upstream:
        for _ in range(3):
            kill_under_load(site, call, provider, upstream)
            assert tokens_of(site.state) >= provider.begun * USED
        spent, begun = tokens_of(site.state), provider.begun
        site.configure(BUDGET.format(spent + 8000))  # the bound of a call is its max_tokens, 8,192, and its prompt
        assert over(site, call, upstream) == (402, "budget_exhausted")
        assert (tokens_of(site.state), provider.begun) == (spent, begun)
        site.configure(BUDGET.format(spent + 9000))
        assert over(site, call, upstream) == (200, None)
        assert tokens_of(site.state) == spent + USED


def kill_under_load(site, call, provider, upstream):
    before = provider.begun
    with site.gateway(upstream) as process, load(call, process.url) as found:
        assert eventually(lambda: found["whole"] >= 32 and provider.begun > before + 32 and provider.open)
        under_way = provider.open
        process.kill()
        process.wait()
    assert under_way > 0
    assert set(found) <= {"whole", "cut"}
    assert eventually(lambda: provider.open == 0)


def test_what_reaches_the_provider_is_in_ledger_and_audit_record_at_that_moment(site, call, tmp_path):
    """The provider itself kills the gateway, as the first thing it does with a request."""
    provider, audit = Provider(), tmp_path / "audit.jsonl"
    site.configure(BUDGET.format(10**9))
    with site.serving(provider) as upstream:
        for turn in range(1, 6):
            with site.gateway(upstream, LLM_CONNECT_AUDIT_FILE=str(audit)) as process:
                provider.on_arrival = process.kill
                with suppress(OSError, HTTPException):
                    call("POST", f"{process.url}/execute", {"prompt": "hello"})
                process.wait()
            assert provider.begun == turn
            assert tokens_of(site.state) > turn * CUSTODIAN_TRIAGE.max_tokens
            assert [json.loads(line)["event"] for line in audit.read_text().splitlines()] == ["call.begin"] * turn


def over(site, call, upstream):
    with site.gateway(upstream) as process:
        reply = call("POST", f"{process.url}/execute", {"prompt": "hello"})
    return reply.status, reply.json.get("type")


class Disk:
    """A real one, of a mebibyte, mounted in a namespace of the program's own: the machine's own stays as it is."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory
        mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
        self.before = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(directory))

    def usable(self):
        with suppress(FileNotFoundError):
            return subprocess.run([*self.before, "true"], capture_output=True, check=False).returncode == 0
        return False

    def seen_by(self, process):
        return Path(f"/proc/{process.pid}/root{self.directory}")


@pytest.fixture
def disk(tmp_path):
    found = Disk(tmp_path / "disk")
    if not found.usable():
        pytest.skip("this machine lets nobody mount a disk of their own (unshare --user --mount)")
    return found


def fill(directory):
    with (directory / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096) == 4096:
            pass


@pytest.mark.parametrize("what", ["audit", "budget"])
def test_with_a_full_disk_nothing_is_called_and_nothing_that_was_is_forgotten(site, call, tmp_path, disk, what):
    provider = Provider(pause=0.02)
    site.configure(BUDGET.format(10**9))
    site.state = tmp_path / "state" if what == "audit" else disk.directory
    audit = (disk.directory if what == "audit" else tmp_path) / "audit.jsonl"
    with (
        site.serving(provider) as upstream,
        site.gateway(upstream, disk.before, LLM_CONNECT_AUDIT_FILE=str(audit)) as process,
    ):
        inside = disk.seen_by(process)
        ledger, records = (site.state, inside / audit.name) if what == "audit" else (inside, audit)
        with load(call, process.url, threads=8) as found:
            assert eventually(lambda: found["whole"] >= 8)
            fill(inside)
            assert eventually(lambda: found[f"{what}_unwritable"] >= 50)
            assert call("GET", f"{process.url}/health").status == 200
            (inside / "filler").unlink()
            until = found["whole"] + 8
            assert eventually(lambda: found["whole"] >= until)
        assert set(found) == {"whole", f"{what}_unwritable"}
        assert provider.begun == found["whole"]
        assert eventually(lambda: tokens_of(ledger) == provider.begun * USED), tokens_of(ledger)
        assert eventually(lambda: ends_of(records) == provider.begun), ends_of(records)


def ends_of(records):
    """Calls that have an end; each line is a whole one, and each end has its beginning."""
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    begun = {line["request_id"] for line in lines if line["event"] == "call.begin"}
    ended = [line["request_id"] for line in lines if line["event"] == "call.end" and line["status"] == 200]
    assert set(ended) <= begun
    return len(ended)


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files, fewer than the {wanted} this needs")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_streams_are_open_at_once(site):
    """The provider ends the first when the last has come."""
    provider = Provider(together=1000)
    site.configure("[server]\nmax_concurrency = 1000\n")
    with site.serving(provider) as upstream, site.gateway(upstream) as process:
        answers = asyncio.run(streams(*address_of(process.url), 1000))
    assert provider.begun == 1000
    assert Counter(answer.endswith(b"data: [DONE]\n\n\r\n") for answer in answers) == {True: 1000}


@pytest.mark.usefixtures("many_files")
def test_of_a_thousand_callers_those_without_a_place_wait_for_their_turn(site):
    """By the limits that hold where nothing is said; the provider answers when all places are taken."""
    provider = Provider(together=Limits().max_concurrency)
    with site.serving(provider) as upstream, site.gateway(upstream) as process:
        answers = asyncio.run(streams(*address_of(process.url), 1000))
    assert provider.begun == 1000
    assert Counter(answer.endswith(b"data: [DONE]\n\n\r\n") for answer in answers) == {True: 1000}


def test_a_prompt_of_ten_megabytes_reaches_the_provider_as_it_is(site, call):
    prompt = "".join(f"{number} größer " for number in range(600_000))
    provider = Provider()
    site.configure("[server]\nmax_body_bytes = 16777216\n")
    with site.serving(provider) as upstream, site.gateway(upstream) as process:
        body = json.dumps({"prompt": prompt}, ensure_ascii=False).encode()
        assert call("POST", f"{process.url}/execute", body).status == 200
    assert len(prompt.encode()) > 9 * MEBIBYTE
    assert json.loads(provider.last)["messages"][0]["content"] == prompt


def address_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def request(body, path="/v1/chat/completions"):
    octets = json.dumps(body).encode()
    kind = "content-type: application/json"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\ncontent-length: {len(octets)}\r\n\r\n"
    return head.encode() + octets


async def streams(host, port, count):
    connected = asyncio.Barrier(count)

    async def one():
        reader, writer = await connection(host, port)
        await connected.wait()
        writer.write(request({"model": NAME, "messages": HELLO, "stream": True}))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 60)
        writer.close()
        await writer.wait_closed()
        return answer.removesuffix(b"0\r\n\r\n")

    return await asyncio.gather(*(one() for _ in range(count)))


async def connection(host, port):
    for _ in range(5):  # the backlog of a busy machine may drop a SYN
        with suppress(OSError):
            return await asyncio.open_connection(host, port)
        await asyncio.sleep(0.2)
    return await asyncio.open_connection(host, port)


def test_slow_readers_take_no_memory_and_hold_nobody_up(site, call):
    """What nobody reads is not asked for: the provider gets rid of a part of it only, and the gateway keeps little."""
    provider = Provider(flood=160 * MEBIBYTE)
    with site.serving(provider) as upstream, site.gateway(upstream) as process:
        assert call("POST", f"{process.url}/execute", {"prompt": "hello"}).status == 200
        before = resident(process.pid)
        with ExitStack() as stack:
            readers = [stack.enter_context(socket.socket()) for _ in range(12)]
            for client in readers:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(address_of(process.url))
                client.sendall(request({"model": NAME, "messages": HELLO, "stream": True}))
            assert eventually(lambda: provider.open == 12 and stands_still(lambda: provider.sent))
            assert call("POST", f"{process.url}/execute", {"prompt": "hello"}).status == 200
            assert resident(process.pid) - before < 64 * MEBIBYTE
            assert eventually(lambda: provider.open == 12)
            for client in readers:  # half closed: what lies there for them is not waited for
                client.shutdown(socket.SHUT_WR)
            assert eventually(lambda: provider.open == 0)


def test_a_body_beyond_the_limit_is_dropped_as_it_comes(site, call):
    with site.gateway("http://127.0.0.1:9") as process:
        assert call("POST", f"{process.url}/execute", b"x").status == 400
        before = resident(process.pid)
        reply = call("POST", f"{process.url}/execute", b'{"prompt": "' + b"a" * 60 * MEBIBYTE + b'"}')
        assert (reply.status, reply.json["type"]) == (413, "body_too_large")
        assert most_resident(process.pid) - before < 24 * MEBIBYTE


def most_resident(pid):
    """The most that it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def stands_still(count):
    found = count()
    time.sleep(0.5)
    return found > 0 and count() == found


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
