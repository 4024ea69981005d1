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
VERSION_KEY_FILE = "LLM_CONNECT_VERSION_KEY_FILE"

_LARGEST_FILE = 32768


@dataclass(frozen=True)
class Shape:
    """What is accepted: `what` it is called in faults, its characters, and those in words."""

    what: str
    characters: re.Pattern[str]
    allowed: str


# Printable ASCII that neither HTTP nor JSON has to escape: so that the redactor finds it in every rendering.
KEY_SHAPE = Shape(
    "key",
    re.compile(r"[!#-\[\]-~]{8,4096}", re.ASCII),
    "8 to 4096 printable ASCII characters without space, quote or backslash, on one line",
)
# Whatever a caller sends after `Bearer `: its length is the issuer's business.
TOKEN_SHAPE = Shape(
    "token", re.compile(r"[!-~]{1,16000}", re.ASCII), "1 to 16000 printable ASCII characters without space, on one line"
)

Signature = tuple[int, ...] | None
"""The state of a source on the disk; another one means that its content may be another."""


class KeySource(Protocol):
    """Where the key is read; `field` is the name shown when it is missing."""

    field: str

    def read(self) -> Secret | None:
        """The key, or None when the source has none yet.

        Raises:
            ConfigurationError: the source holds something that is no key.
        """
        ...

    def signature(self) -> Signature:
        """See `Signature`."""
        ...


class EnvironmentKey:
    """The key as the value of an environment variable; unset and empty both mean: not there."""

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
    """The key as the content of a file, such as /proc/self/fd/7; one newline at the end is not part of it.

    What a pipe gave once is kept: it cannot be read again.

    Args:
        path: the file.
        field: the name under which faults are told.
        awaited: the file may come later, as in a mounted directory; otherwise a file that is not there is a fault.
        shape: of what is in it.
    """

    def __init__(self, path: str | Path, field: str, *, awaited: bool = False, shape: Shape = KEY_SHAPE) -> None:
        self.field = field
        self._path = Path(path)
        self._awaited = awaited
        self._shape = shape
        self._piped: Secret | None = None
        self._patience = files.WAIT_SECONDS

    def read(self) -> Secret | None:
        """See `KeySource`; a file that was named and cannot be read is a fault, not a missing key."""
        if self._piped is not None:
            return self._piped
        patience, self._patience = self._patience, 0.0  # for a pipe at start; later, requests are under way
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
        """Device, inode, size and times of the file that the links lead to; of a pipe that was read, nothing."""
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
        ConfigurationError: the variable and the file are both set, so that it would be unclear which is in use.
    """
    path = environment.get(f"{name}_FILE")
    if path and environment.get(name):
        problem = f"is set beside {name}"
        raise ConfigurationError([Fault(f"{name}_FILE", problem, f"one of the two: drop {name} to use the file")])
    if path:
        return FileKey(path, f"{name}_FILE")
    directory = environment.get(KEY_DIRECTORY)
    if directory and not environment.get(name):
        return FileKey(Path(directory) / name, f"{name} in {KEY_DIRECTORY}", awaited=True)
    return EnvironmentKey(environment, name)


def checked(value: str, field: str, shape: Shape = KEY_SHAPE) -> Secret:
    """`value` as a Secret.

    Raises:
        ConfigurationError: it is not of this shape; the message says why and repeats nothing of it.
    """
    if shape.characters.fullmatch(value):
        return Secret(value)
    raise ConfigurationError([Fault(field, f"holds no usable {shape.what}", shape.allowed)])
