"""Write a file whole or not at all: it is written beside its place, and takes it when it is on disk."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def whole_file(path: str, mode: int = 0o644, *, new: bool = False) -> Iterator[BinaryIO]:
    """A file with this mode (less the umask) that replaces `path` when the block ends well.

    Raises `OSError`, also where `new` and something is at `path`, and where a device, a pipe or a socket is there.
    """
    _expect_replaceable(path)
    # Not by the process's number: in a container that starts again it is the same, and a killed one may have left it.
    beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.urandom(4).hex()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        (os.link if new else os.replace)(beside, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(beside)


def _expect_replaceable(path: str) -> None:
    """A rename would put a file in the place of ``/dev/null``, for everybody who uses the machine."""
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), path)


def replace(path: str, text: str) -> None:
    """Put the text in the file's place, with its mode; a link to the file stays a link. Raises `OSError`."""
    real = os.path.realpath(path)
    with whole_file(real) as file:
        with suppress(FileNotFoundError):
            os.fchmod(file.fileno(), os.stat(real).st_mode & 0o777)
        file.write(text.encode())
