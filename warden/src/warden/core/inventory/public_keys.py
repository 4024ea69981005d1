"""Public keys of every type that OpenSSH certifies, as lines and as blobs (RFC 4253, section 6.6; PROTOCOL.u2f).

Only the form is looked at here, not the mathematics: the adapter of the port Certificates does that.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec

FIELDS: Mapping[str, int] = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
"""Type -> how many fields follow it in the blob, each after its length."""

CERTIFICATE = "-cert-v01@openssh.com"
"""How the type of a certificate ends (PROTOCOL.certkeys)."""
_OPENSSH = "@openssh.com"
_LINE = re.compile(r"([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t][^\n]*)?", re.ASCII)
_LENGTH = 4


class PublicKeyBlob(msgspec.Struct, frozen=True):
    """A public key: its type, and the blob that has it in binary form, the type first."""

    type: str
    blob: bytes

    @property
    def line(self) -> str:
        """As OpenSSH writes it, without a comment."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and base64 without padding (``ssh-keygen -l``)."""
        return "SHA256:" + base64.b64encode(sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def parameters(self) -> bytes:
        """What follows the type: the part of the blob that a certificate repeats."""
        return self.blob[_LENGTH + len(self.type) :]


def certified_type(kind: str) -> str:
    """The type of the key in a certificate of type `kind`; empty where no certificate has that type."""
    return next((each for each in FIELDS if f"{each.removesuffix(_OPENSSH)}{CERTIFICATE}" == kind), "")


def public_key(line: str) -> PublicKeyBlob | None:
    """The key in OpenSSH's line; ``None`` where there is none, or of a type that is not certified."""
    found = _LINE.fullmatch(line.strip())
    if found is None or found[1] not in FIELDS:
        return None
    try:
        blob = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return None
    fields = strings(blob)
    if fields is None or len(fields) != FIELDS[found[1]] + 1 or fields[0] != found[1].encode():
        return None
    return PublicKeyBlob(found[1], blob)


def strings(blob: bytes) -> list[bytes] | None:
    """The fields of a blob that consists of nothing but fields after their lengths (RFC 4251, section 5: string)."""
    found = []
    while blob:
        length = int.from_bytes(blob[:_LENGTH])
        if len(blob) < _LENGTH + length:
            return None
        found.append(blob[_LENGTH : _LENGTH + length])
        blob = blob[_LENGTH + length :]
    return found
