"""Where a provider's key is read: an environment variable, a file, or a file in a mounted directory.

The directory is laid out by the kubelet: its files are links into `..data`, which is replaced in one step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llm_connect.common import files
from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.common.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "OPENROUTER_API_KEY"
KEY_DIRECTORY = "LLM_CONNECT_KEY_DIRECTORY"

_LARGEST_FILE = 32768


@dataclass(frozen=True)
class Shape:
    """What is accepted: its name in error messages, its characters, and a description of them."""

    what: str
    characters: re.Pattern[str]
    allowed: str


# Printable ASCII that neither HTTP nor JSON escapes, so that the redactor finds it everywhere.
KEY_SHAPE = Shape(
    "key",
    re.compile(r"[!#-\[\]-~]{8,4096}", re.ASCII),
    "8 to 4096 printable ASCII characters without space, quote or backslash, on one line",
)
# Whatever a caller sends after `Bearer `; the issuer decides its length.
TOKEN_SHAPE = Shape(
    "token", re.compile(r"[!-~]{1,16000}", re.ASCII), "1 to 16000 printable ASCII characters without space, on one line"
)

Signature = tuple[int, ...] | None
"""The state of a source on the disk; when it changes, the content may have changed."""


class KeySource(Protocol):
    """Where a key is read; `field` is its name in error messages."""

    field: str

    def read(self) -> Secret | None:
        """The key, or None if there is none yet.

        Raises:
            ConfigurationError: the content is not a valid key.
        """
        ...

    def signature(self) -> Signature:
        """See `Signature`."""
        ...


class EnvironmentKey:
    """The key in an environment variable; unset and empty are the same."""

    def __init__(self, environment: Mapping[str, str], name: str = KEY) -> None:
        self.field = name
        self._environment = environment

    def read(self) -> Secret | None:
        """See `KeySource`."""
        value = self._environment.get(self.field)
        return checked(value, self.field) if value else None

    def signature(self) -> Signature:
        """An environment does not change."""
        return None


class FileKey:
    """The key in a file, such as /proc/self/fd/7, without a newline at the end.

    The content of a pipe is kept: it cannot be read again.

    Args:
        path: the file.
        field: its name in error messages.
        awaited: the file may appear later, as in a mounted directory; otherwise a missing file is an error.
        shape: what a valid key looks like.
    """

    def __init__(self, path: str | Path, field: str, *, awaited: bool = False, shape: Shape = KEY_SHAPE) -> None:
        self.field = field
        self._path = Path(path)
        self._awaited = awaited
        self._shape = shape
        self._piped: Secret | None = None
        self._patience = files.WAIT_SECONDS

    def read(self) -> Secret | None:
        """See `KeySource`; a file that was named but cannot be read is an error, not a missing key."""
        if self._piped is not None:
            return self._piped
        patience, self._patience = self._patience, 0.0  # for a pipe at start; later, requests would wait
        try:
            octets, again = files.read(self._path, _LARGEST_FILE, patience)
        except files.Unreadable as error:
            if self._awaited and isinstance(error, files.Missing):
                return None
            raise ConfigurationError([Fault(self.field, f"cannot be read ({error})", "a readable file")]) from None
        found = checked(octets.decode("utf-8", "replace").removesuffix("\n"), self.field, self._shape)
        self._piped = None if again else found
        return found

    def signature(self) -> Signature:
        """Device, inode, size and times of the file behind the links; None for a pipe that was read."""
        if self._piped is not None:
            return None
        try:
            state = self._path.stat()
        except (OSError, ValueError):
            return None
        return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def key_source(environment: Mapping[str, str], name: str = KEY) -> KeySource:
    """The one source of the key `name`: the variable, the file in `NAME_FILE`, or NAME in the key directory.

    Raises:
        ConfigurationError: the variable and the file are both set, so it is unclear which one counts.
    """
    path = environment.get(f"{name}_FILE")
    if path and environment.get(name):
        problem = f"is set, but so is {name}"
        raise ConfigurationError([Fault(f"{name}_FILE", problem, f"one of the two: unset {name} to use the file")])
    if path:
        return FileKey(path, f"{name}_FILE")
    directory = environment.get(KEY_DIRECTORY)
    if directory and not environment.get(name):
        return FileKey(Path(directory) / name, f"{name} in {KEY_DIRECTORY}", awaited=True)
    return EnvironmentKey(environment, name)


def checked(value: str, field: str, shape: Shape = KEY_SHAPE) -> Secret:
    """`value` as a Secret.

    Raises:
        ConfigurationError: it does not have this shape; the message does not repeat it.
    """
    if shape.characters.fullmatch(value):
        return Secret(value)
    raise ConfigurationError([Fault(field, f"is not a valid {shape.what}", shape.allowed)])
