"""A checkpoint in a file that somebody keeps elsewhere."""

import os

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.machine.whole_file import whole_file
from warden.core.errors import Effect, UsageError
from warden.core.journal.checkpoints import Checkpoint, parse_envelope

LARGEST = 64 * 1024
"""Bytes; a checkpoint has about 600."""


def read(path: str) -> Checkpoint:
    """The checkpoint in the file. Raises `UsageError` where there is none."""
    try:
        return parse_envelope(read_bytes(path, LARGEST))
    except NotUsable as fault:
        raise _unusable(path, f"cannot be read ({fault})") from None
    except ValueError:
        raise _unusable(path, "is not a checkpoint of a journal") from None


def write(path: str, checkpoint: Checkpoint) -> None:
    """Put it there, whole or not at all. Raises `UsageError`."""
    try:
        with whole_file(path) as file:
            file.write(checkpoint.envelope)
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()}), and the checkpoint is in the journal",
            subject=path,
            hint="name another file with -o",
        ) from None


def replaceable(path: str) -> Checkpoint | None:
    """The checkpoint that `write` would replace; ``None`` where nothing is there. Raises `UsageError`."""
    if not os.path.lexists(path):
        return None
    try:
        return parse_envelope(read_bytes(path, LARGEST))
    except (NotUsable, ValueError):
        raise UsageError(
            f"{path} is there already, and is not a checkpoint of a journal",
            effect=Effect.NOTHING_WRITTEN,
            subject=path,
            hint="name another file with -o",
        ) from None


def _unusable(path: str, why: str) -> UsageError:
    return UsageError(
        f"{path} {why}",
        effect=Effect.NOTHING_CHECKED,
        subject=path,
        hint="name a file that `warden journal checkpoint -o` wrote",
    )
