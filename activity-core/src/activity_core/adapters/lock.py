"""Where the record is, and the lock beside it, which the kernel releases however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES = 5
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class RecordPath:
    """The path of the record's file."""

    path: str

    @property
    def lock(self) -> str:
        """The file that a run locks."""
        return f"{self.path}.lock"


def record_path(environment: Mapping[str, str]) -> RecordPath:
    """ACTIVITY_CORE_RECORD, or else ``activity-core/runs.db`` in the XDG state directory."""
    given = environment.get("ACTIVITY_CORE_RECORD")
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # the XDG base directory specification: ignore relative paths
        state = os.path.join(environment.get("HOME") or "/", ".local", "state")
    return RecordPath(given or os.path.join(state, "activity-core", "runs.db"))


def acquire(descriptor: int) -> bool:
    """Take the lock. It is tried a few times, since `is_locked` holds it for a moment."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def is_locked(record: RecordPath) -> bool:
    """Whether a run is in progress. Works without the right to write, which filelock needs."""
    try:
        descriptor = os.open(record.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
