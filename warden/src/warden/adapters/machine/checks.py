"""What doctor looks at on this machine: whether files can be read and written, without touching them."""

import os
from pathlib import Path

from warden.core.errors import JournalUnwritable
from warden.core.remedies import SetVariable


def readable(path: str) -> bool:
    """Whether a file, or a directory and what it lists, can be read."""
    found = Path(path)
    mode = os.R_OK | os.X_OK if found.is_dir() else os.R_OK
    return found.exists() and os.access(found, mode)


def file_fault(path: str) -> JournalUnwritable | None:
    """Why a file could not be written or made there; ``None`` where it could. Makes nothing."""
    nearest = Path(path)
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() and nearest != Path(path):
        return _unwritable(path, f"{path} cannot be made: {nearest} is not a directory")
    if not os.access(nearest, os.W_OK):
        return _unwritable(path, f"{path} cannot be written: permission denied in {nearest}")
    return None


def _unwritable(path: str, problem: str) -> JournalUnwritable:
    hint = "free space or fix permissions there, or keep it elsewhere"
    return JournalUnwritable(
        problem, system="journal", subject=path, hint=hint, remedy=(SetVariable("WARDEN_JOURNAL", "FILE"),)
    )
