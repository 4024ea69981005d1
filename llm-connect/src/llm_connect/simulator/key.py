"""The key that the simulator accepts. A key file is read for each request: a new file is a rotated key."""

from __future__ import annotations

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

    def __init__(self, path: str, key: Secret, option: str = "--key-file") -> None:
        self._source = FileKey(path, option)
        self._key = key

    def current(self) -> Secret:
        """See `AcceptedKey`."""
        try:
            self._key = self._source.read() or self._key
        except ConfigurationError:
            return self._key
        return self._key


def key_from_file(path: str, option: str = "--key-file") -> AcceptedKey:
    """The key in a file that `option` names; a pipe can be read only once, so its key is fixed.

    Raises:
        ConfigurationError: there is no valid key.
    """
    key = FileKey(path, option).read()
    if key is None:
        raise ConfigurationError([Fault(option, "is empty", "a file with the key")])
    return RotatingKey(path, key, option) if stat.S_ISREG(Path(path).stat().st_mode) else FixedKey(key)


def key_from_environment(environment: Mapping[str, str], name: str, option: str = "--key-env") -> AcceptedKey:
    """The key in the environment variable `name`.

    Raises:
        ConfigurationError: there is no valid key.
    """
    key = EnvironmentKey(environment, name).read()
    if key is None:
        raise ConfigurationError([Fault(f"{option} {name}", "is not set or empty", "the NAME of a variable that is")])
    return FixedKey(key)
