"""The file of allowed signers: whose key is whose (ssh-keygen(1), *ALLOWED SIGNERS*).

Only who a key belongs to is read here. Whether a signature is good is ssh-keygen's to say, with all the options of the
file (``namespaces``, ``valid-before``, ``cert-authority``).
"""

import re
from collections.abc import Sequence

import msgspec

from warden.adapters.machine.regular_file import NotUsable, read_bytes

_LINE = re.compile(r'\s*("[^"]*"|\S+)\s+(?:(\S.*?)\s+)?((?:ssh|ecdsa|sk)-[\w.@-]+)\s+(AAAA[A-Za-z0-9+/=]+)')
"""Principals, options, the type of the key and the key; what is behind it is a comment."""
_PATTERN = re.compile(r"[*?!]")


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """One line: the names of its key's owner, and the key as the file has it (base64)."""

    names: tuple[str, ...]
    key: str
    authority: bool = False

    @property
    def plain(self) -> tuple[str, ...]:
        """The names that are not patterns."""
        return tuple(name for name in self.names if not _PATTERN.search(name))


def read(path: str) -> Sequence[Signer]:
    """The signers in the file. Raises `NotUsable`."""
    try:
        return signers(read_bytes(path).decode())
    except UnicodeDecodeError:
        raise NotUsable("not valid UTF-8") from None


def signers(text: str) -> Sequence[Signer]:
    """The signers in a text; lines that are not one are left to ssh-keygen."""
    found = (_LINE.match(line) for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [
        Signer(
            names=tuple(filter(None, each[1].strip('"').split(","))),
            key=each[4],
            authority="cert-authority" in (each[2] or ""),
        )
        for each in found
        if each
    ]
