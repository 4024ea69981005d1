"""A file that ``-o`` names: written whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from warden.adapters.machine.whole_file import whole_file
from warden.core.errors import Effect, UsageError


@contextmanager
def output_file(path: str, mode: int, *, new: bool = False) -> Iterator[BinaryIO]:
    """`whole_file`, whose errors are a `UsageError`."""
    try:
        with whole_file(path, mode, new=new) as file:
            yield file
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()})",
            effect=Effect.NOTHING_WRITTEN,
            subject=path,
            hint="name another file with -o",
        ) from None
