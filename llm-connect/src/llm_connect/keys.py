"""Where the provider key comes from.

A `KeySource` is a port with one method, so that a mounted directory that is watched can stand beside the two
sources here. Both are read once, at start.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llm_connect.faults import Fault, FaultyConfiguration
from llm_connect.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "OPENROUTER_API_KEY"
KEY_FILE = "OPENROUTER_API_KEY_FILE"

# Printable ASCII that neither HTTP nor JSON has to escape: so that the redactor finds it in every rendering.
_SHAPE = re.compile(r"[!#-\[\]-~]{8,4096}", re.ASCII)
_SHAPE_ALLOWED = "8 to 4096 printable ASCII characters without space, quote or backslash, on one line"
_LARGEST_FILE = 8192


class KeySource(Protocol):
    """Where the key is read; `field` is the name shown when it is missing."""

    field: str

    def read(self) -> Secret | None:
        """The key, or None when the source has none yet.

        Raises:
            FaultyConfiguration: the source holds something that is no key.
        """
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


class FileKey:
    """The key as the content of a file, such as /proc/self/fd/7; one newline at the end is not part of it."""

    def __init__(self, path: str, name: str = KEY_FILE) -> None:
        self.field = name
        self._path = Path(path)

    def read(self) -> Secret | None:
        """See `KeySource`; a file that was named and cannot be read is a fault, not a missing key."""
        try:
            with self._path.open("rb") as file:
                octets = file.read(_LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no usable path"
            raise FaultyConfiguration([Fault(self.field, f"cannot be read ({reason})", "a readable file")]) from None
        return checked(octets.decode("utf-8", "replace").removesuffix("\n"), self.field)


def key_source(environment: Mapping[str, str]) -> KeySource:
    """The one source the environment names.

    Raises:
        FaultyConfiguration: both are set, so that it would be unclear which key is in use.
    """
    path = environment.get(KEY_FILE)
    if path and environment.get(KEY):
        problem = f"is set beside {KEY}"
        raise FaultyConfiguration([Fault(KEY_FILE, problem, f"one of the two: drop {KEY} to use the file")])
    return FileKey(path) if path else EnvironmentKey(environment)


def checked(value: str, field: str) -> Secret:
    """`value` as a Secret.

    Raises:
        FaultyConfiguration: it cannot be a bearer key; the message says why and repeats nothing of it.
    """
    if _SHAPE.fullmatch(value):
        return Secret(value)
    raise FaultyConfiguration([Fault(field, "holds no usable key", _SHAPE_ALLOWED)])
