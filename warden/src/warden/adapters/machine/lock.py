"""One operation at a time: a lock file that the kernel lets go of whatever becomes of the process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from warden.core.errors import Held, Inconclusive


@contextmanager
def held(path: str, what: str) -> Iterator[None]:
    """Hold the lock file at `path` for `what`; does not wait.

    Raises:
        Held: another process holds it.
        Inconclusive: the file cannot be made.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise Inconclusive(
            f"the lock file {path} cannot be made ({os.strerror(fault.errno or 0).lower()}). Nothing was done.",
            hint="name a directory of yours: export WARDEN_STATE=DIRECTORY",
        ) from None
    try:
        _take(handle, path, what)
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: str, what: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Held(
            f"another warden is changing the same server from this machine, and {what} does not wait. "
            "Nothing was changed.",
            subject=path,
            hint="wait for it, then run this again",
        ) from None
