"""Ed25519 public keys, as OpenSSH writes them and by the fingerprint that ``ssh-keygen -l`` prints.

    ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… COMMENT         SHA256:…

The line holds the type and the 32 bytes of the key, each after its length (RFC 4253, section 6.6; RFC 8709, section 4).
"""

import base64
import binascii
import re
from hashlib import sha256

import msgspec

KIND = "ssh-ed25519"
LENGTH = 32
"""Bytes of an Ed25519 public key (RFC 8032)."""
_BEFORE = len(KIND).to_bytes(4, "big") + KIND.encode() + LENGTH.to_bytes(4, "big")
_LINE = re.compile(rf"\s*{KIND}[ \t]+([A-Za-z0-9+/]+={{0,2}})(?:[ \t][^\n]*)?\s*", re.ASCII)


class PublicKey(msgspec.Struct, frozen=True):
    """An Ed25519 public key: its 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """Its fingerprint: ``SHA256:`` and base64 without padding."""
        return "SHA256:" + base64.b64encode(sha256(_BEFORE + self.raw).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as OpenSSH writes it, without a comment."""
        return f"{KIND} {base64.b64encode(_BEFORE + self.raw).decode()}"


def public_key(line: str) -> PublicKey | None:
    """The key in OpenSSH's line; ``None`` where that is not one, or of another type."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    try:
        blob = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
    if not blob.startswith(_BEFORE) or len(blob) != len(_BEFORE) + LENGTH:
        return None
    return PublicKey(blob[len(_BEFORE) :])
