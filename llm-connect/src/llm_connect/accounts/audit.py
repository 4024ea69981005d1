"""Audit records: who requested what, and what the outcome was. Metadata only, unless content is switched on.

Each call has two lines of JSON. `call.begin` is written before the provider is called; if that fails, the call is not
made. `call.end` follows, and is kept until it can be written. A call without an end was in progress when the gateway
was killed. What is refused before a call, such as an unknown caller, is one line `call.refused`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from llm_connect.accounts.batch_writer import BatchWriter, WriteFailed
from llm_connect.common.errors import ConfigurationError, Fault, Unavailable
from llm_connect.common.json_encoding import encode
from llm_connect.common.timestamps import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.common.secret import Redactor

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class Audit(Protocol):
    """Where records go; `content` says whether they contain prompts and answers."""

    content: bool

    @property
    def unwritable(self) -> bool:
        """Whether the last record could not be written, so that calls are refused."""
        ...

    async def begin(self, record: Mapping[str, Any]) -> None:
        """Record that a call is about to be made.

        Raises:
            Unavailable: it could not be written; the call must not be made.
        """
        ...

    def end(self, record: Mapping[str, Any]) -> None:
        """Record the outcome, soon; it is kept until it can be written."""
        ...

    def refused(self, record: Mapping[str, Any]) -> None:
        """Record that no call was made, soon."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class NoAudit:
    """Without an audit file."""

    content = False
    unwritable = False

    async def begin(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""

    def end(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""

    def refused(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""

    async def close(self) -> None:
        """See `Audit`."""


class AuditFile:
    """Appends lines to a file. If it is renamed for rotation, the next record starts a new one.

    Args:
        path: the file; its directory exists.
        content: whether records contain prompts and answers.
        redactor: removes keys that somebody may have pasted into a prompt.
    """

    def __init__(self, path: str, redactor: Redactor, *, content: bool) -> None:
        self.content = content
        self._path = path
        self._redactor = redactor
        self._file = self._opened()
        self._opened_as = _identity(self._file)
        self._writer: BatchWriter[bytes] = BatchWriter("audit", self._write)

    def _opened(self) -> int:
        try:
            return os.open(self._path, _APPEND, 0o600)
        except OSError as error:
            problem = f"{self._path} cannot be written ({error.strerror})"
            raise ConfigurationError([Fault("LLM_CONNECT_AUDIT_FILE", problem, "a file to append to")]) from None

    @property
    def unwritable(self) -> bool:
        """See `Audit`."""
        return self._writer.unwritable

    async def begin(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""
        try:
            await self._writer.put(self._line("call.begin", record))
        except WriteFailed:
            message = "the audit record cannot be written; nothing was called"
            raise Unavailable("audit_unwritable", message) from None

    def end(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""
        self._writer.put_soon(self._line("call.end", record))

    def refused(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""
        self._writer.put_soon(self._line("call.refused", record))

    def _line(self, event: str, record: Mapping[str, Any]) -> bytes:
        return self._redactor.octets(encode({"ts": utc_now(), "event": event, **record})) + b"\n"

    def _write(self, lines: Sequence[bytes]) -> None:
        """Write all of them or none, so that no half line precedes the next one."""
        self._follow_rotation()
        octets, written = b"".join(lines), 0
        try:
            while written < len(octets):
                written += os.write(self._file, octets[written:] if written else octets)
        except OSError:
            if written:
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise

    def _follow_rotation(self) -> None:
        """Start a new file if this one was renamed or removed."""
        try:
            there = os.stat(self._path)
            if (there.st_dev, there.st_ino) == self._opened_as:
                return
        except FileNotFoundError:
            pass
        renewed = os.open(self._path, _APPEND, 0o600)
        os.close(self._file)
        self._file, self._opened_as = renewed, _identity(renewed)

    async def close(self) -> None:
        """See `Audit`."""
        self._writer.close()
        os.close(self._file)


def _identity(descriptor: int) -> tuple[int, int]:
    """Device and inode of a file."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
