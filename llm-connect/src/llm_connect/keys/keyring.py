"""Where a provider's key comes from, and the key in force.

Three sources: an environment variable, a file, and a mounted directory with one file a key, as the kubelet lays it out
(the files are links into `..data`, which is exchanged in one step). What is a file is looked at every second, by its
state on the disk; a new content is in force at once, without a restart and without a request that is lost.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llm_connect.common import files
from llm_connect.common.errors import Fault, FaultyConfiguration
from llm_connect.common.logs import logger
from llm_connect.common.secret import Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "OPENROUTER_API_KEY"
KEY_DIRECTORY = "LLM_CONNECT_KEY_DIRECTORY"
VERSION_KEY_FILE = "LLM_CONNECT_VERSION_KEY_FILE"

_LARGEST_FILE = 32768
_GONE = "gone"
_VERSION_CHARACTERS = 12
_VERSIONED = b"llm-connect key version\0"


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
            FaultyConfiguration: the source holds something that is no key.
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
            raise FaultyConfiguration([Fault(self.field, f"cannot be read ({error})", "a readable file")]) from None
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
        FaultyConfiguration: the variable and the file are both set, so that it would be unclear which is in use.
    """
    path = environment.get(f"{name}_FILE")
    if path and environment.get(name):
        problem = f"is set beside {name}"
        raise FaultyConfiguration([Fault(f"{name}_FILE", problem, f"one of the two: drop {name} to use the file")])
    if path:
        return FileKey(path, f"{name}_FILE")
    directory = environment.get(KEY_DIRECTORY)
    if directory and not environment.get(name):
        return FileKey(Path(directory) / name, f"{name} in {KEY_DIRECTORY}", awaited=True)
    return EnvironmentKey(environment, name)


class Versions:
    """Names a key without telling it: the start of a keyed digest, the same in every process with the same digest key.

    Args:
        digest_key: the HMAC key; without one, one of this process's own, so that versions can be compared only
            within it. Not the bare digest: anybody could check a guess, or a leaked list, against that.
    """

    def __init__(self, digest_key: bytes | None = None) -> None:
        self.comparable = digest_key is not None
        self._digest_key = digest_key or secrets.token_bytes(32)

    def of(self, secret: Secret) -> str:
        """Twelve hexadecimal digits."""
        digest = hmac.new(self._digest_key, _VERSIONED + secret.reveal().encode(), hashlib.sha256)
        return digest.hexdigest()[:_VERSION_CHARACTERS]


@dataclass(frozen=True)
class Key:
    """A key in force and its version."""

    secret: Secret
    version: str


class Keyring:
    """The key in force of one provider; `current` is None as long as there was none.

    Args:
        source: where it is read.
        versions: names it.
        redactor: learns each key, before it is used for the first time.
    """

    def __init__(self, source: KeySource, versions: Versions, redactor: Redactor) -> None:
        self.field = source.field
        self.current: Key | None = None
        self._source = source
        self._versions = versions
        self._redactor = redactor
        self._signature: Signature = ()
        self._told = ""
        self.reload()

    def look(self) -> None:
        """Reload where the state on the disk is another one: cheap enough for every second."""
        if self._source.signature() != self._signature:
            self.reload()

    def reload(self) -> bool:
        """Read the source; whether another key is in force now. What cannot be used leaves the last one in force."""
        self._signature = self._source.signature()  # before reading: a change in between is seen at the next look
        try:
            secret = self._source.read()
        except FaultyConfiguration as fault:
            self._signature = ()  # looked at again, until it can be used
            if self.current is None:
                raise
            if self._told != str(fault):
                logger.warning("key not usable; the last one stays in force", extra={"fields": {"fault": str(fault)}})
            self._told = str(fault)
            return False
        if secret is None:
            self._signature = ()
            self._tell_gone()
            return False
        return self._take(secret)

    def _tell_gone(self) -> None:
        if self.current is not None and self._told != _GONE:
            logger.warning("key gone; the last one stays in force", extra={"fields": {"field": self.field}})
            self._told = _GONE

    def _take(self, secret: Secret) -> bool:
        self._told = ""
        self._redactor.add(secret)
        key = Key(secret, self._versions.of(secret))
        if self.current is not None and self.current.version == key.version:
            return False
        if self.current is not None:
            logger.info("key replaced", extra={"fields": {"field": self.field, "key_version": key.version}})
        self.current = key
        return True


def checked(value: str, field: str, shape: Shape = KEY_SHAPE) -> Secret:
    """`value` as a Secret.

    Raises:
        FaultyConfiguration: it is not of this shape; the message says why and repeats nothing of it.
    """
    if shape.characters.fullmatch(value):
        return Secret(value)
    raise FaultyConfiguration([Fault(field, f"holds no usable {shape.what}", shape.allowed)])
