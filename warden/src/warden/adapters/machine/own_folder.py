"""A folder for as long as something runs. What a killed process left of its own is removed by the next one."""

import fcntl
import glob
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_MADE = 60.0
"""Seconds in which a new folder is surely locked."""


@contextmanager
def own_folder(prefix: str, parent: str | None = None) -> Iterator[str]:
    """One below `parent` (default: TMPDIR, or ``/tmp``), for its owner alone. Raises `OSError`.

    It is locked for as long as its process lives (flock(2)), however that ends.
    """
    _remove_left(prefix, parent or tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder, _locked(folder):
        yield folder


def _remove_left(prefix: str, parent: str) -> None:
    for path in glob.glob(os.path.join(glob.escape(parent), f"{prefix}*")):
        with suppress(OSError):
            found = os.lstat(path)
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and found.st_mtime < time.time() - _MADE:
                with _locked(path):
                    shutil.rmtree(path)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Raises `BlockingIOError` where another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
