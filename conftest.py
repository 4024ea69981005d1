"""Loaded first: pytest names test modules after their folders; `warden/tests` must not hide the package `warden`.

A shell starts its background jobs with Ctrl-C ignored, and children inherit that: the tests that press it need it back.
"""

import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from loaded_warden import LoadedWarden, loaded_warden

import warden  # noqa: F401

pytest_plugins = [
    *("cluster_platform", "cluster_engineer", "oidc_provider", "openfga_server", "postgres_server", "reaping"),
    "sshd_server",
]

# Compiling the rules of the secret scanner takes 4 s; every home directory of a test would do it again.
os.environ.setdefault("KF_RULE_CACHE_DIR", str(Path(__file__).parent / ".tools" / "secret-scan-rules"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.load_profile("ci")  # the same examples each time, and no time limit for each of them

_text = cache(Path.read_text)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedWarden]:
    """``warden``, to be run as a process."""
    with loaded_warden(tmp_path_factory.mktemp("loaded")) as loaded:
        yield loaded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hold what `make test-cluster` and `make test-compat` rely on: a file with such tests names their marker."""
    for item in items:
        for name in ("cluster", "browser"):
            if item.get_closest_marker(name) and f"mark.{name}" not in _text(item.path):
                message = f"{item.path} has a test of the marker {name}, and does not say mark.{name}: make misses it"
                raise pytest.UsageError(message)
