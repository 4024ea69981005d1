"""Real servers on real sockets: a simulator, gateways in front of it, and the programs as processes."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import uvicorn
import uvloop
from aiohttp import web

from llm_connect.common.secret import Redactor, Secret
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.config.settings import Settings
from llm_connect.keys.keyring import Keyring, Versions
from llm_connect.keys.sources import EnvironmentKey
from llm_connect.providers.registry import BUILT_IN
from llm_connect.simulator.app import Simulator, serve
from llm_connect.simulator.failures import FAILURES
from llm_connect.simulator.key import FixedKey
from llm_connect.simulator.streaming import STREAM_FAILURES
from llm_connect.web.app import Gateway
from llm_connect.web.listening import reserve, url_of
from llm_connect.web.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

KEY = "sk-or-v1-planted-0123456789abcdef"
PROGRAM = Path(sys.executable).parent / "llm-connect"
NEVER_ANSWER = {"silent", "stalled", "keep-alives", "stream-silent", "stream-keep-alives"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    octets: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.octets)


def http_call(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
    """One request; `body` is sent as JSON unless it is bytes."""
    parts = urlsplit(url)
    octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), octets, kind | dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@contextmanager
def in_thread(serve: Callable[[socket.socket, asyncio.Event], Coroutine[Any, Any, object]]) -> Iterator[str]:
    """Run `serve(socket, stopped)` on an event loop in a thread; gives the URL."""
    sock = reserve("127.0.0.1", 0)
    url, stopped = url_of(sock), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as in the program
            loops.append(runner.get_loop())
            runner.run(serve(sock, stopped))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        accepts_connections(url)
        yield url
    finally:
        loops[0].call_soon_threadsafe(stopped.set)
        thread.join(30)
        assert not thread.is_alive()


def accepts_connections(url: str, seconds: float = 30) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection((host, int(port))).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens at {url}"
            time.sleep(0.005)


async def serve_asgi(app: Any, sock: socket.socket, stopped: asyncio.Event) -> None:
    """Run an ASGI application that plays a provider, on uvicorn."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    sock.listen(2048)

    async def stop() -> None:
        await stopped.wait()
        server.should_exit = True

    await asyncio.gather(server.serve(sockets=[sock]), stop())


@contextmanager
def serving_app(app: Any) -> Iterator[str]:
    """Run a simulator, or an ASGI application that plays a provider, in a thread; gives its URL."""
    if isinstance(app, web.Application):
        with in_thread(lambda sock, stopped: serve(app, sock, stopped)) as url:
            yield url
    else:
        with in_thread(lambda sock, stopped: serve_asgi(app, sock, stopped)) as url:
            yield url


@contextmanager
def serving_gateway(gateway: Gateway) -> Iterator[str]:
    """Run a gateway in a thread; gives its URL."""

    async def run(sock: socket.socket, stopped: asyncio.Event) -> None:
        server = Server(gateway, sock, lambda: None, drain_seconds=1)
        running = asyncio.create_task(server.run())
        await asyncio.wait([running, asyncio.create_task(stopped.wait())], return_when=asyncio.FIRST_COMPLETED)
        server.stop()
        await running

    with in_thread(run) as url:
        yield url


@contextmanager
def running_program(
    *arguments: str, environment: Mapping[str, str] | None = None, before: Sequence[str] = (), **keywords: Any
) -> Iterator[Any]:
    """Run `llm-connect …` as a process; `.url` is what it announced; it is terminated in the end.

    `before` is what stands in front of it on the command line, and becomes it (`exec`).
    """
    process = subprocess.Popen(
        [*before, PROGRAM, *arguments],
        env=plain_environment() | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **keywords,
    )
    try:
        line = process.stdout.readline()
        process.url = json.loads(line)["url"] if line else None
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def plain_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("LLM_CONNECT_", "OPENROUTER_"))}


def run_program(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    env = plain_environment() | dict(environment or {})
    return subprocess.run(
        [PROGRAM, *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def failing_profiles() -> dict[str, Any]:
    """One profile for each failure of the simulator, named after it, beside the built-in one."""
    failing = {
        name: replace(
            CUSTODIAN_TRIAGE,
            name=name,
            model=f"simulate/{name}",
            timeout_seconds=0.4 if name in NEVER_ANSWER else 10,
            retry_wait_seconds=0.5,
        )
        for name in (*FAILURES, *STREAM_FAILURES)
    }
    return {CUSTODIAN_TRIAGE.name: CUSTODIAN_TRIAGE, **failing}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both event loops for who asks for them (`loop_factories` in its mark); the gateway runs on uvloop."""
    mark = item.get_closest_marker("asyncio")
    more = {"uvloop": uvloop.new_event_loop} if mark and mark.kwargs.get("loop_factories") else {}
    return {"asyncio": asyncio.new_event_loop, **more}


@pytest.fixture(scope="session")
def key() -> str:
    return KEY


@pytest.fixture
def request_lines(caplog) -> Callable[[], list[dict[str, Any]]]:
    """What gateways of this process have logged about requests so far."""
    caplog.set_level("INFO", logger="llm_connect")
    return lambda: [record.fields for record in caplog.records if record.getMessage() == "request"]


@pytest.fixture(scope="session")
def call() -> Callable[..., Reply]:
    return http_call


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    return serving_app


@pytest.fixture(scope="session")
def serving_application() -> Callable[..., Any]:
    """Runs an application on the gateway's own server."""
    return serving_gateway


@pytest.fixture(scope="session")
def program() -> Callable[..., Any]:
    return running_program


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    return run_program


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """The base URL of a simulator that accepts KEY."""
    with serving_app(Simulator(FixedKey(Secret(KEY))).application()) as url:
        yield f"{url}/api/v1"


@pytest.fixture(scope="session")
def gateway_of() -> Callable[..., Gateway]:
    """The application for the provider at a base URL, served by nobody yet."""

    def build(base_url: str, profiles: Mapping[str, Any] | None = None, key: str | None = KEY, **more: Any) -> Gateway:
        return Gateway(settings_for(base_url, profiles, key, **more))

    return build


@pytest.fixture(scope="session")
def gateway_to(gateway_of) -> Callable[..., Any]:
    """A gateway to the provider at a base URL."""

    def start(base_url: str, profiles: Mapping[str, Any] | None = None, key: str | None = KEY, **more: Any) -> Any:
        return serving_gateway(gateway_of(base_url, profiles, key, **more))

    return start


def settings_for(
    base_url: str, profiles: Mapping[str, Any] | None = None, key: str | None = KEY, **more: Any
) -> Settings:
    """Settings for the provider `openrouter` at `base_url` with `key`."""
    redactor = Redactor()
    environment = {"OPENROUTER_API_KEY": key} if key else {}
    ring = Keyring(EnvironmentKey(environment), Versions(), redactor)
    providers = {**BUILT_IN, "openrouter": replace(BUILT_IN["openrouter"], base_url=base_url)}
    given = {"providers": providers, "keys": {"openrouter": ring}} | more
    return Settings(profiles or failing_profiles(), redactor=redactor, **given)


@pytest.fixture(scope="session")
def gateway(simulator, gateway_to) -> Iterator[str]:
    """A gateway in front of the simulator, with a profile for each failure."""
    with gateway_to(simulator) as url:
        yield url
