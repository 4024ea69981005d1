"""What is published, unchanged, against real gateways: needs .venv-compat, and what prepare.py has prepared."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from llm_connect.common.secret import Secret
from llm_connect.config.caller_config import Callers
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey

sys.path.insert(0, str(Path(__file__).parent))
import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
# The tests of everything else run without these packages, and do not read these modules.
collect_ignore_glob = [] if importlib.util.find_spec("respx") else ["test_*.py"]


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


class Counter:
    """Counts the requests to an application."""

    def __init__(self, app: web.Application) -> None:
        self.requests = 0

        @web.middleware
        async def count(request: web.Request, handler: Any) -> web.StreamResponse:
            self.requests += 1
            return await handler(request)

        app.middlewares.append(count)


@pytest.fixture
def counted(serving, gateway_to, key) -> Iterator[tuple[str, Counter]]:
    """A gateway in front of a simulator of its own that counts."""
    app = Simulator(FixedKey(Secret(key))).application()
    counter = Counter(app)
    with serving(app) as upstream, gateway_to(f"{upstream}/api/v1") as url:
        yield url, counter


@pytest.fixture
def with_callers(simulator, gateway_to) -> Iterator[tuple[str, str]]:
    """A gateway with one declared caller, and the caller's token."""
    token = "the-token-of-the-caller"
    callers = Callers({hashlib.sha256(token.encode()).hexdigest(): "ops"})
    with gateway_to(simulator, callers=callers) as url:
        yield url, token
