"""A test run that is killed takes the servers with it that it started in its temporary directory."""

import pytest
from tools.reaper import watch


@pytest.fixture(scope="session", autouse=True)
def reaper(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One for each process of the run: of several, each has a directory of its own."""
    watch(tmp_path_factory.getbasetemp())
