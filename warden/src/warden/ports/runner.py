"""Becoming another program."""

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from warden.core.secret import Secret


class Runner(Protocol):
    """Becomes another program."""

    def find(self, command: str) -> str:
        """The program that a command names. Raises `CommandNotFound` or `CannotRun`."""

    def exec(self, program: str, argv: Sequence[str], secrets: Mapping[str, Secret], *, as_files: bool) -> NoReturn:
        """Replace this process. Raises `CannotRun` where that is not possible; then nothing was started."""
