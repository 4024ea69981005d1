"""A pack of evidence in a file: one envelope a line (``.intoto.jsonl``, in-toto's attestation bundle)."""

import os
from collections.abc import Sequence

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError

LARGEST = 1 << 30
"""Bytes. A proof takes about 40 KiB."""


def read(path: str) -> list[bytes]:
    """Its lines. Raises `UsageError` where the file cannot be read."""
    try:
        return read_bytes(path, LARGEST).splitlines()
    except NotUsable as fault:
        raise UsageError(
            f"{path} cannot be read ({fault})",
            effect=Effect.NOTHING_CHECKED,
            subject=path,
            hint="name a file that `warden evidence pack -o` wrote",
        ) from None


def write(path: str, lines: Sequence[bytes]) -> None:
    """Put it there, whole or not at all, never over another file. Raises `UsageError`."""
    beside = f"{path}.{os.getpid()}"
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            with open(handle, "wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)
        finally:
            os.unlink(beside)
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()})",
            effect=Effect.NOTHING_WRITTEN,
            subject=path,
            hint="name another file with -o",
        ) from None
