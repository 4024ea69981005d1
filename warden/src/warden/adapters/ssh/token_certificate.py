"""Certificates of security tokens' keys (``sk-``), which the library does not know, from their bytes.

What each says is read as PROTOCOL.certkeys has it. ssh-keygen verifies the signature when it reads one (cert_parse in
sshkey.c); nothing is taken from its listing, where text in one part can look like another part.
"""

import base64
import os

import msgspec

from warden.adapters.ssh.programs import NotRun, run
from warden.core.ssh.public_keys import FIELDS, certified_type

_TYPES = {1: "user", 2: "host"}


class TokenCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What it says. ``authority`` is the blob of the key that signed, ``signed`` the signature's type."""

    type: str
    serial: int
    key_id: bytes
    principals: tuple[bytes, ...]
    valid_after: int
    valid_before: int
    critical_options: tuple[tuple[bytes, bytes], ...]
    extensions: tuple[tuple[bytes, bytes], ...]
    authority: bytes
    signed: bytes


def token_certificate(text: str) -> TokenCertificate | None:
    """The certificate in this line; ``None`` where ssh-keygen reads none in it, or its signature is wrong."""
    try:
        done = run(["ssh-keygen", "-L", "-f", "-"], os.environ, f"{text}\n".encode())
        return None if done.code else _read(text)
    except (NotRun, ValueError, KeyError):
        return None


def _read(text: str) -> TokenCertificate:
    kind, _, body = text.partition(" ")
    parts = _Parts(base64.b64decode(body))
    for _ in range(2 + FIELDS[certified_type(kind)]):  # type, nonce, and the key that is certified
        parts.string()
    return TokenCertificate(
        serial=parts.number(8),
        type=_TYPES[parts.number(4)],
        key_id=parts.string(),
        principals=tuple(_all(parts.string())),
        valid_after=parts.number(8),
        valid_before=parts.number(8),
        critical_options=_options(parts.string()),
        extensions=_options(parts.string()),
        authority=(parts.string(), parts.string())[1],  # behind what is reserved
        signed=_Parts(parts.string()).string(),
    )


def _all(blob: bytes) -> list[bytes]:
    parts, found = _Parts(blob), []
    while parts.left:
        found.append(parts.string())
    return found


def _options(blob: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Names and values; a value is a string in a string, or nothing. Raises `ValueError` for a name that is twice."""
    words = _all(blob)
    found = {name: b"".join(_all(value)) for name, value in zip(words[::2], words[1::2], strict=True)}
    if len(found) != len(words) // 2:
        raise ValueError
    return tuple(found.items())


class _Parts:
    """The parts of a blob, one after the other (RFC 4251, section 5). Raises `ValueError` behind its end."""

    def __init__(self, blob: bytes) -> None:
        self.left = blob

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self._taken(size))

    def string(self) -> bytes:
        """A string after its length."""
        return self._taken(self.number(4))

    def _taken(self, size: int) -> bytes:
        if size > len(self.left):
            raise ValueError
        taken, self.left = self.left[:size], self.left[size:]
        return taken
