"""The key the simulator accepts. Given by file, it is read for each request: a new file is a rotated key."""

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
    """Says which key is accepted now."""

    def current(self) -> Secret:
        """The key."""
        ...


class FixedKey:
    """One key for the life of the process."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def current(self) -> Secret:
        """See `AcceptedKey`."""
        return self._key


class RotatingKey:
    """The key in a file as it is now; while the file is missing or holds no key, the last one stays."""

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
    """The key in a file; a pipe can be read once only, so that its key is fixed.

    Raises:
        ConfigurationError: there is no usable key.
    """
    key = FileKey(path, "--key-file").read()
    if key is None:
        raise ConfigurationError([Fault("--key-file", "holds no key", "a file with the key")])
    return RotatingKey(path, key) if stat.S_ISREG(Path(path).stat().st_mode) else FixedKey(key)


def key_from_environment(environment: Mapping[str, str], name: str) -> AcceptedKey:
    """The key in the environment variable `name`.

    Raises:
        ConfigurationError: there is no usable key.
    """
    key = EnvironmentKey(environment, name).read()
    if key is None:
        raise ConfigurationError([Fault(f"--key-env {name}", "is not set or empty", "the NAME of a variable that is")])
    return FixedKey(key)


def accepts(key: AcceptedKey, authorization: str | None) -> bool:
    """Whether the header carries the key, compared in constant time."""
    expected = f"Bearer {key.current().reveal()}"
    return hmac.compare_digest((authorization or "").encode(), expected.encode())
