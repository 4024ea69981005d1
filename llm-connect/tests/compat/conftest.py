"""What is published, unchanged, against real gateways: needs .venv-compat, and what prepare.py has prepared."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_connect.secret import Secret
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey

sys.path.insert(0, str(Path(__file__).parent))
import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
# The tests of everything else run without these packages, and do not read these modules.
collect_ignore_glob = [] if importlib.util.find_spec("schemathesis") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.compat)


def prepared(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.fail(f"{folder.name} is not prepared; run: make test-compat (it says what is missing)")
    return folder


@pytest.fixture(scope="session")
def npm() -> Path:
    if shutil.which("node") is None:
        pytest.fail("node is not here, so that the npm packages are not run; install Node.js 20 or newer")
    return prepared(prepare.npm())


@pytest.fixture(scope="session")
def sources() -> Path:
    return prepared(prepare.sources())


@pytest.fixture(scope="session")
def toxiproxy_server() -> Path:
    return prepared(prepare.toxiproxy()) / "toxiproxy-server"


class Counting:
    """An ASGI application that counts the requests to it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.requests = 0

    async def __call__(self, scope, receive, send) -> None:
        self.requests += scope["type"] == "http"
        await self._app(scope, receive, send)


@pytest.fixture
def counted(serving, gateway_to, key) -> Iterator[tuple[str, Counting]]:
    """A gateway in front of a simulator of its own that counts."""
    app = Counting(Simulator(FixedKey(Secret(key))).application())
    with serving(app) as upstream, gateway_to(f"{upstream}/api/v1") as url:
        yield url, app


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def listening(command: list[Any], port: int, **keywords: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on `port`; it is ended afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **keywords)
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, process.stderr.read().decode()
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)
