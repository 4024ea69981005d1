"""One operation at a time: a lock file that the kernel releases whatever becomes of the process (flock(2))."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from warden.core.errors import Effect, Held, Inconclusive
from warden.core.remedies import SetVariable

Waiting = Callable[[float], None]
"""Takes the seconds waited so far, about once a second."""


@contextmanager
def held(path: str, what: str, elsewhere: str) -> Iterator[None]:
    """Hold the lock file at `path` for `what`, without waiting; `elsewhere` is what whoever holds it is doing.

    Raises as `file_lock` does.
    """
    busy = Held(
        f"another warden is {elsewhere} from this machine, and {what} does not wait",
        effect=Effect.NOTHING_CHANGED,
        subject=path,
        hint="wait for it, then run this again",
    )
    with file_lock(path, busy):
        yield


@contextmanager
def file_lock(
    path: str,
    busy: Held,
    *,
    patience: float = 0.0,
    waiting: Waiting = lambda _: None,
    interval: float = 0.02,
    hint: str = "",
) -> Iterator[None]:
    """Hold the lock file at `path`, which is made where it does not exist, for its owner alone.

    It is tried each `interval` (seconds): where a hundred wait, short ones take the time of the one that works.

    Raises:
        Held: `busy`, where another process holds it for longer than `patience` seconds.
        Inconclusive: the file cannot be made; `hint` is what helps, unless it is in warden's state directory.
    """
    from filelock import FileLock, Timeout  # only what changes something needs it

    lock = FileLock(path, mode=0o600, fallback_to_soft=False)
    began = time.monotonic()
    acquired = False
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        while not acquired:
            waited = time.monotonic() - began
            try:
                lock.acquire(timeout=max(0.0, min(1.0, patience - waited)), poll_interval=interval)
                acquired = True
            except Timeout:
                if waited >= patience:
                    raise busy from None
                waiting(waited)
    except OSError as fault:
        raise Inconclusive(
            f"the lock file {path} cannot be made: {os.strerror(fault.errno or 0).lower()}",
            effect=Effect.NOTHING_DONE,
            subject=path,
            hint=hint or "name a directory of yours",
            remedy=() if hint else (SetVariable("WARDEN_STATE", "DIRECTORY"),),
        ) from None
    try:
        yield
    finally:
        lock.release()
