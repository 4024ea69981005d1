"""Write a report to a file: completely or not at all. An old one stays until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import tempfile

from activity_core.core.errors import Unavailable


def write(path: str, text: str) -> None:
    """Write it beside its target and move it there.

    Raises:
        Unavailable: it cannot be written; an old file is unchanged.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".activity-core-", dir=os.path.dirname(os.path.abspath(path)))
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes it private; a report follows the user's umask
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        reason = (error.strerror or "not writable").lower()
        message = f"the report cannot be written to {path} ({reason}). It is recorded; an old file is unchanged."
        hint = "free space or name another file, then run triage again: the model is not asked a second time"
        raise Unavailable("out", message, system="file", subject=path, hint=hint) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
