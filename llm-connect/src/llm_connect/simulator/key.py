"""The key that the simulator accepts. A key file is read for each request: a new file is a rotated key."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.keys.sources import EnvironmentKey, FileKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.secret import Secret


class AcceptedKey(Protocol):
    """Knows which key is accepted now."""

    def current(self) -> Secret:
        """The key."""
        ...


class FixedKey:
    """The same key for the life of the process."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def current(self) -> Secret:
        """See `AcceptedKey`."""
        return self._key


class RotatingKey:
    """The current key in a file; while the file is missing or invalid, the last key stays accepted."""

    def __init__(self, path: str, key: Secret) -> None:
        self._source = FileKey(path, "--key-file")
        self._key = key

    def current(self) -> Secret:
        """See `AcceptedKey`."""
        try:
            self._key = self._source.read() or self._key
        except ConfigurationError:
            return self._key
        return self._key


def key_from_file(path: str) -> AcceptedKey:
    """The key in a file; a pipe can be read only once, so its key is fixed.

    Raises:
        ConfigurationError: there is no valid key.
    """
    key = FileKey(path, "--key-file").read()
    if key is None:
        raise ConfigurationError([Fault("--key-file", "is empty", "a file with the key")])
    return RotatingKey(path, key) if stat.S_ISREG(Path(path).stat().st_mode) else FixedKey(key)


def key_from_environment(environment: Mapping[str, str], name: str) -> AcceptedKey:
    """The key in the environment variable `name`.

    Raises:
        ConfigurationError: there is no valid key.
    """
    key = EnvironmentKey(environment, name).read()
    if key is None:
        raise ConfigurationError([Fault(f"--key-env {name}", "is not set or empty", "the NAME of a variable that is")])
    return FixedKey(key)


def accepts(key: AcceptedKey, authorization: str | None) -> bool:
    """Whether the header has the key, compared in constant time."""
    expected = f"Bearer {key.current().reveal()}"
    return hmac.compare_digest((authorization or "").encode(), expected.encode())
