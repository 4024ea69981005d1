"""A file that an export is written to: whole, or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from warden.core.errors import Effect, UsageError


@contextmanager
def written(path: str) -> Iterator[Callable[[str], object]]:
    """Answers what adds text to the file, which only its owner can read; it replaces `path` when this ends well.

    Raises `UsageError` where it cannot be written.
    """
    beside = f"{path}.{os.getpid()}"
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()})",
            effect=Effect.NOTHING_WRITTEN,
            subject=path,
            hint="name another file with -o",
        ) from None
