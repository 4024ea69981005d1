"""Files under the user's cache: what was written whole can be read back; anything else counts as missing.

Only a file of the caller's own that nobody else can write is read: what is kept decides which path a lane has.
"""

import contextlib
import os
import stat
import zlib

_CHECKSUM = 8


def read(path: str) -> bytes:
    """What was written there. Raises `OSError` or `ValueError` where there is nothing, or something else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ValueError
        checksum, content = file.read(_CHECKSUM), file.read()
    if checksum != _checksum(content):
        raise ValueError
    return content


def write(path: str, content: bytes) -> None:
    """Put it there, whole or not at all. Of two processes at once either may win: they write the same."""
    fresh = f"{path}.{os.urandom(8).hex()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(_checksum(content) + content)
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(fresh)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)
