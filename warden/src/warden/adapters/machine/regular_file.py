"""Read a file that somebody named: a regular one, and not more than is sensible."""

import os
import stat

LARGEST = 1 << 20
"""Bytes; what warden reads from files is far smaller."""


class NotUsable(Exception):
    """Why the file cannot be read, as a clause: "permission denied", "not a regular file"."""


def read_bytes(path: str, largest: int = LARGEST, *, own: bool = False) -> bytes:
    """The file's content. Raises `NotUsable`; never waits for a pipe or reads a device.

    `own`: nobody but the caller and root may have written it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise NotUsable("is a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file")
            if own and (status.st_uid not in {0, os.geteuid()} or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
                raise NotUsable("somebody else can write it")
            content = file.read(largest + 1)
    except OSError as fault:
        raise NotUsable(os.strerror(fault.errno or 0).lower()) from None
    except ValueError:
        raise NotUsable("not a file name") from None
    if len(content) > largest:
        raise NotUsable(f"larger than {largest} bytes")
    return content
