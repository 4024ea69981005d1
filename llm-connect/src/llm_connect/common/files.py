"""A file that somebody named is read within bounds: of octets, and of time where it is no file on a disk.

A pipe (`<(command)`, a FIFO) gives what it has when its writer is done. One that nobody writes to would be waited for
without end, and so would a terminal: opened without waiting and polled, it has a time.
"""

from __future__ import annotations

import os
import select
import stat
import time

WAIT_SECONDS = 10.0
"""For a pipe, in all: what makes a configuration or fetches a token takes seconds."""
_STEP = 65536


class Unreadable(Exception):
    """It cannot be read; `str()` says why, and repeats nothing of it."""


class Missing(Unreadable):
    """There is no such file."""


def read(path: str | os.PathLike[str], most: int, seconds: float | None = None) -> tuple[bytes, bool]:
    """The octets, at most one more than `most`, and whether they can be read again (it is a regular file).

    Args:
        path: of a file of any kind.
        most: how many octets it may have; one more is read, so that the reader can say that it is too large.
        seconds: for what is no regular file; WAIT_SECONDS where nothing is said.

    Raises:
        Missing: there is none.
        Unreadable: it cannot be opened or read, or it did not end within its time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Missing(error.strerror) from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", None) or "no usable path") from None
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        wait = WAIT_SECONDS if seconds is None else seconds
        return _whole(descriptor, most, time.monotonic() + wait, wait), regular
    except OSError as error:
        raise Unreadable(error.strerror or "no usable path") from None
    finally:
        os.close(descriptor)


def whole(path: str | os.PathLike[str], most: int, seconds: float | None = None) -> bytes:
    """All of it, as `read`.

    Raises:
        Missing, Unreadable: see `read`; or it has more than `most` octets.
    """
    octets, _ = read(path, most, seconds)
    if len(octets) > most:
        raise Unreadable(f"more than {most} bytes")
    return octets


def _whole(descriptor: int, most: int, end: float, wait: float) -> bytes:
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
        raise Unreadable(f"a pipe or terminal that did not come to its end within {wait:g} s")
