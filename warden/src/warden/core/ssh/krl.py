"""A KRL, which is the file of sshd's RevokedKeys: what is written into one, and what its head says (PROTOCOL.krl).

``ssh-keygen -k`` makes it of a specification (ssh-keygen(1), *KEY REVOCATION LISTS*). sshd checks no signature and no
version of it: whoever puts it in place does, before.
"""

import re
from collections.abc import Iterable

import msgspec

from warden.core.ssh.revocation import Revocation

NAMESPACE = "warden-krl"
"""Of the signature (ssh-keygen(1), *-Y sign*): one that was made for anything else counts for nothing here."""
SIGNER = "warden-krl"
"""The name in the file of allowed signers that a host checks the signature for."""
BEGIN, PUBLISHED = "krl.begin", "krl.done"
"""The records before and after one is built and published."""
NAME = "krl"
"""The file's name where it is published; its signature is `NAME` with ``.sig``."""

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
LARGEST_SERIAL = 2**64 - 1
_MAGIC = b"SSHKRL\n\0"
_FORMAT = (1).to_bytes(4)
_HEAD = 44
EMPTY = _MAGIC + _FORMAT + bytes(_HEAD - len(_MAGIC) - len(_FORMAT))
"""A KRL that revokes nothing: version 0, made at no time."""


class Head(msgspec.Struct, frozen=True):
    """The version of a KRL, and when it was made (seconds since 1970)."""

    version: int
    generated: int


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a KRL: serials of one CA, by its public key; of every CA where that is empty, as keys always are."""

    authority_key: str = ""
    serials: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()


class SignedKrl(msgspec.Struct, frozen=True, kw_only=True):
    """A KRL, and the SSH signature of it as ``ssh-keygen -Y sign`` writes one.

    ``etag`` is what the server of ``url`` calls it.
    """

    krl: bytes
    signature: bytes
    etag: str = ""
    url: str = ""


def head(content: bytes) -> Head | None:
    """What the first bytes of a KRL say; ``None`` where they are not those of one."""
    if len(content) < _HEAD or not content.startswith(_MAGIC + _FORMAT):
        return None
    return Head(int.from_bytes(content[12:20]), int.from_bytes(content[20:28]))


def is_krl(content: bytes) -> bool:
    """Whether it is meant to be one, whole or not."""
    return content.startswith(_MAGIC)


def sections(known: Iterable[Revocation]) -> tuple[Section, ...]:
    """A section for each CA, in a stable order; keys are in the first one.

    A number or a fingerprint that cannot be one is left out: it would keep every KRL from being made.
    """
    serials: dict[str, set[int]] = {"": set()}
    keys: set[str] = set()
    for each in known:
        serials.setdefault(each.authority_key, set()).update(each.serials)
        keys.update(each.keys)
    fit = tuple(filter(FINGERPRINT.fullmatch, sorted(keys)))
    found = (
        Section(authority_key=key, serials=tuple(filter(_is_serial, sorted(numbers))), keys=() if key else fit)
        for key, numbers in sorted(serials.items())
    )
    return tuple(each for each in found if each.serials or each.keys)


def _is_serial(number: int) -> bool:
    return 0 < number <= LARGEST_SERIAL


def next_version(previous: int, now: float) -> int:
    """The time in milliseconds; more than the version before in any case, also where the clock was set back."""
    return max(previous + 1, int(now * 1000))
