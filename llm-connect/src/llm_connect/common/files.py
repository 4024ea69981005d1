"""Reads a file that somebody named, with a limit for its size and, where it is not on a disk, for the time.

A pipe (`<(command)`, a FIFO) ends when its writer is done. Reading one that nobody writes to would never end, and
neither would reading a terminal. So the file is opened without blocking and polled, with a timeout.
"""

from __future__ import annotations

import os
import select
import stat
import time

WAIT_SECONDS = 10.0
"""For a pipe, in total: a command that makes a configuration or fetches a token takes seconds."""
_STEP = 65536


class Unreadable(Exception):
    """The file cannot be read; `str()` says why, without any content."""


class Missing(Unreadable):
    """The file does not exist."""


def read(path: str | os.PathLike[str], most: int, seconds: float | None = None) -> tuple[bytes, bool]:
    """The bytes, at most one more than `most`, and whether they can be read again (it is a regular file).

    Args:
        path: a file of any kind.
        most: how many bytes it may have; one more is read, so that the caller can tell that it is too large.
        seconds: the timeout where it is not a regular file; None for WAIT_SECONDS.

    Raises:
        Missing: the file does not exist.
        Unreadable: it cannot be opened or read, or it did not end in time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Missing(error.strerror) from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", None) or "not a valid path") from None
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        wait = WAIT_SECONDS if seconds is None else seconds
        return _read_all(descriptor, most, time.monotonic() + wait, wait), regular
    except OSError as error:
        raise Unreadable(error.strerror or "not a valid path") from None
    finally:
        os.close(descriptor)


def whole(path: str | os.PathLike[str], most: int, seconds: float | None = None) -> bytes:
    """The whole file, as `read`.

    Raises:
        Missing, Unreadable: see `read`; or it has more than `most` bytes.
    """
    octets, _ = read(path, most, seconds)
    if len(octets) > most:
        raise Unreadable(f"more than {most} bytes")
    return octets


def _read_all(descriptor: int, most: int, end: float, wait: float) -> bytes:
    read = bytearray()
    while len(read) <= most:
        # A FIFO that nobody has opened for writing yet reads as ended; polled, it does not.
        _await(descriptor, end, wait)
        try:
            octets = os.read(descriptor, min(_STEP, most + 1 - len(read)))
        except BlockingIOError:
            continue
        if not octets:
            break
        read += octets
    return bytes(read)


def _await(descriptor: int, end: float, wait: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
        raise Unreadable(f"a pipe or terminal that did not end within {wait:g} s")
