"""Where the record is, and the lock beside it, which the kernel releases whatever happens to its holder."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES = 5


@dataclass(frozen=True)
class Place:
    """Where the record is: the path of its file."""

    path: str

    @property
    def lock(self) -> str:
        """The file that a run holds."""
        return f"{self.path}.lock"


def default_place(environment: Mapping[str, str]) -> Place:
    """ACTIVITY_CORE_RECORD, else ``activity-core/runs.db`` in the XDG state directory."""
    given = environment.get("ACTIVITY_CORE_RECORD")
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # XDG base directory specification: relative paths are to be ignored
        state = os.path.join(environment.get("HOME") or "/", ".local", "state")
    return Place(given or os.path.join(state, "activity-core", "runs.db"))


def taken(descriptor: int) -> bool:
    """Take the lock; tried a few times, since `is_held` has it for a moment, too."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_held(place: Place) -> bool:
    """Whether a run is under way now."""
    try:
        descriptor = os.open(place.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
