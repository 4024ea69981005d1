"""What doctor looks at on this machine: whether files can be read and written, without touching them."""

import os
from pathlib import Path

from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.errors import JournalUnwritable


def readable(path: str) -> bool:
    """Whether a file, or a directory and what it lists, can be read."""
    found = Path(path)
    mode = os.R_OK | os.X_OK if found.is_dir() else os.R_OK
    return found.exists() and os.access(found, mode)


def journal_fault(path: str) -> str:
    """Why the journal cannot be read or written, in a sentence; empty where it can. Makes nothing."""
    try:
        journal = SqliteJournal(path)
        try:
            journal.log(last=1)
        finally:
            journal.close()
    except JournalUnwritable as fault:
        return str(fault.problem)
    nearest = Path(path)
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() and nearest != Path(path):
        return f"{path} cannot be made: {nearest} is not a directory"
    return "" if os.access(nearest, os.W_OK) else f"{path} cannot be written: permission denied in {nearest}"
