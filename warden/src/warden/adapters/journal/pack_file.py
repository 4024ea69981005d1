"""A pack of evidence in a file: one envelope a line (``.intoto.jsonl``, in-toto's attestation bundle)."""

from collections.abc import Sequence

from warden.adapters.journal.output_file import output_file
from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError

LARGEST = 1 << 30
"""Bytes. A proof takes about 40 KiB."""


def read(path: str) -> list[bytes]:
    """Its lines. Raises `UsageError` where the file cannot be read."""
    try:
        return read_bytes(path, LARGEST).splitlines()
    except NotUsable as fault:
        raise UsageError(
            f"{path} cannot be read ({fault})",
            effect=Effect.NOTHING_CHECKED,
            subject=path,
            hint="name a file that `warden evidence pack -o` wrote",
        ) from None


def write(path: str, lines: Sequence[bytes]) -> None:
    """Put it there, whole or not at all, never over another file. Raises `UsageError`."""
    with output_file(path, 0o644, new=True) as file:
        file.writelines(lines)
