"""A file of the platform directory as it is, to be packed as evidence."""

import os

from warden.adapters.catalog.files import shown
from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError
from warden.core.evidence.statements import TextFile


def text_file(platform: str, path: str) -> TextFile:
    """The file, named by its path in the platform directory. Raises `UsageError` where it cannot be read."""
    try:
        return TextFile(name=os.path.relpath(path, platform), text=read_bytes(path).decode())
    except NotUsable as fault:
        why = f"cannot be read ({fault})"
    except UnicodeDecodeError as fault:
        why = f"is not valid UTF-8 (byte {fault.start})"
    raise UsageError(f"{shown(path)} {why}", effect=Effect.NOTHING_WRITTEN, system="platform", subject=shown(path))
