"""Whose word counts: files that somebody else can change are not believed, as Git's ``safe.directory`` has it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.remedies import RunProgram, SetVariable

TRUSTED = "WARDEN_TRUSTED"
"""Directories that are believed whoever can change them; ``trusted`` in the user's configuration says the same."""


class Weakness(msgspec.Struct, frozen=True):
    """Somebody else can change this path.

    ``foreign``: it belongs to `owner`, who is neither the caller nor root. ``writable``: by a group, or by everybody.
    ``own``: the caller can change its mode.
    """

    path: str
    kind: Literal["foreign", "writable"]
    owner: str
    own: bool


class NotTrusted(msgspec.Struct, frozen=True):
    """`directory` (or file) is not believed, since others can change what it says."""

    directory: str
    weaknesses: tuple[Weakness, ...]


def not_trusted(directory: str, weaknesses: Sequence[Weakness]) -> UsageError:
    """The error for a directory that others can change, with the command that mends it."""
    mendable = all(each.kind == "writable" and each.own for each in weaknesses)
    paths = tuple(each.path for each in weaknesses)
    return UsageError(
        NotTrusted(directory, tuple(weaknesses)),
        effect=Effect.NOTHING_READ,
        system="platform",
        subject=directory,
        hint="" if mendable else "if you trust who can change it",
        remedy=(RunProgram(("chmod", "go-w"), paths) if mendable else SetVariable(TRUSTED, directory),),
    )
