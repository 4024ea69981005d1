"""Real servers on real sockets: a simulator, gateways in front of it, and the programs as processes."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import uvloop

from llm_connect.common.secret import Redactor, Secret
from llm_connect.config.config_file import BUILT_IN
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.config.settings import Settings
from llm_connect.keys.keyring import EnvironmentKey, Keyring, Versions
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.connections import ResettableProtocol
from llm_connect.simulator.failures import FAILURES
from llm_connect.simulator.key import FixedKey
from llm_connect.simulator.streaming import STREAM_FAILURES
from llm_connect.web.app import Gateway
from llm_connect.web.server import Protocol, Server, configured, listening_socket, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
        connection.request(method, parts.path, octets, kind | dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@contextmanager
def serving_app(app: Any, protocol: Any = ResettableProtocol) -> Iterator[str]:
    """Run an ASGI application in a thread; gives its URL."""
    sock = listening_socket("127.0.0.1", 0)
    url = url_of(sock)
    started = threading.Event()
    server = Server(configured(app, 1, protocol), started.set)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as in the program
            runner.run(server.serve(sockets=[sock]))

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


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
        process.communicate(timeout=10)


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
def request_lines(caplog, capsys) -> Callable[[], list[dict[str, Any]]]:
    """The lines that gateways of this process have written on requests so far."""
    caplog.set_level("INFO", logger="llm_connect")
    found: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        found.extend(json.loads(line) for line in capsys.readouterr().err.splitlines() if '"event":"request"' in line)
        return found

    return read


@pytest.fixture(scope="session")
def call() -> Callable[..., Reply]:
    return http_call


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    return serving_app


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
        return serving_app(gateway_of(base_url, profiles, key, **more), Protocol)

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
