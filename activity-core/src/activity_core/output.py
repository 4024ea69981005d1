"""A report into a file: whole or not at all, an old one stays until the new one is there."""

from __future__ import annotations

import contextlib
import os
import tempfile

from activity_core.faults import NoAnswer


def write(path: str, text: str) -> None:
    """Write it beside its place and move it there.

    Raises:
        NoAnswer: it cannot be written; what stood there before still does.
    """
    beside = None
    try:
        descriptor, beside = tempfile.mkstemp(prefix=".activity-core-", dir=os.path.dirname(os.path.abspath(path)))
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes it private; a report is as public as its owner wants
        os.replace(beside, path)
    except OSError as fault:
        if beside is not None:
            with contextlib.suppress(OSError):
                os.unlink(beside)
        reason = (fault.strerror or "unwritable").lower()
        message = (
            f"the report cannot be written to {path} ({reason}). It is recorded, and what stood there is unchanged."
        )
        hint = "make room or name another file and run triage again: the model is not asked a second time"
        raise NoAnswer("out", message, system="file", subject=path, hint=hint) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
