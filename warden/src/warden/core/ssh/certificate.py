"""A certificate: what was decided, what came back from a signer, and how they differ."""

import base64
from typing import Literal

import msgspec

from warden.core.inventory.inventory import CertificateType


class CertificateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed, exactly. Times are seconds since 1970 in UTC, as in the certificate.

    ``public_key`` is a line of OpenSSH without a comment. ``subject`` is the actor or the host. A `serial` of 0: the
    signer chooses one.
    """

    type: CertificateType
    subject: str
    public_key: str
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: dict[str, str] = {}
    extensions: tuple[str, ...] = ()
    serial: int = 0


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as it was parsed; ``line`` is the line of OpenSSH without a comment.

    ``fingerprint`` is of the certified key, ``authority`` of the key that signed: both ``SHA256:…``. A certificate
    without an end has the highest time there is, 2**64-1.
    """

    line: str
    type: CertificateType
    public_key: str
    fingerprint: str
    authority: str
    serial: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: dict[str, str]
    extensions: dict[str, str]


def key_id(subject: str, display_name: str, public_key: str) -> str:
    """The key id of every certificate, which sshd writes to its log: for whom, who asked, and which key.

    `display_name` is the caller's as OpenBao has it (``userpass-ada``), `public_key` a line of OpenSSH. The hash is the
    ``public_key_hash`` of OpenBao: SHA-256 in hex, over what `ssh-keygen -l` shows in base64 (measured, 2.7.2).
    """
    import hashlib  # most of what loads this module hashes nothing

    blob = base64.b64decode(public_key.split()[1])
    return f"{subject} {display_name} {hashlib.sha256(blob).hexdigest()}"


Part = Literal[
    "type",
    "key",
    "key-id",
    "principals",
    "valid-after",
    "valid-before",
    "critical-options",
    "extensions",
    "serial",
    "authority",
]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a certificate that is not as it was decided."""

    part: Part
    decided: str
    found: str
