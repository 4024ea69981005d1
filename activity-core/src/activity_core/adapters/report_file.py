"""Write a report to a file: completely or not at all. An old one stays until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import tempfile

from activity_core.core.errors import Unavailable


def write(path: str, text: str, run: str | None) -> None:
    """Write it beside its target and move it there.

    Args:
        path: the target.
        text: the report.
        run: the id of its run; None if it is not in the record.

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
        raise _not_written(path, (error.strerror or "not writable").lower(), run) from None


def _not_written(path: str, reason: str, run: str | None) -> Unavailable:
    """The way back asks no model: `triage --again` would, and be paid for."""
    effect = "It is recorded" if run else "It is not recorded either; standard output has it"
    message = f"the report cannot be written to {path} ({reason}). {effect}; an old file is unchanged."
    as_json = " --json" if path.endswith(".json") else ""
    hint = f"free space, or name another file: activity-core runs {run}{as_json} > FILE" if run else ""
    return Unavailable("out", message, system="file", subject=path, hint=hint)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
