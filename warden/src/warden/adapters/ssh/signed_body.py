"""The bytes of a certificate (OpenSSH, PROTOCOL.certkeys: *New public key formats*), ready to be signed, and signed.

Own code, since the library that makes certificates takes no key of a security token (``sk-``) and reads each one again
after it was signed; here it is the public key's own bytes that are certified, whatever its type.
"""

import base64
import os
from collections.abc import Iterable

from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.public_keys import PublicKeyBlob

_TYPES = {"user": 1, "host": 2}
_NONCE = 32
"""Bytes; what ssh-keygen and the library take."""


def string(raw: bytes) -> bytes:
    """A field after its length (RFC 4251, section 5)."""
    return len(raw).to_bytes(4) + raw


def to_be_signed(spec: CertificateSpec, key: PublicKeyBlob, authority: bytes, serial: int) -> bytes:
    """All of the certificate but its signature. `authority` is the blob of the key that is to sign."""
    options = ((name, string(value.encode())) for name, value in sorted(spec.critical_options.items()))
    extensions = ((name, b"") for name in sorted(spec.extensions))
    return b"".join(
        (
            string(key.certificate_type.encode()),
            string(os.urandom(_NONCE)),
            key.parameters,
            serial.to_bytes(8),
            _TYPES[spec.type].to_bytes(4),
            string(spec.key_id.encode()),
            string(b"".join(string(each.encode()) for each in spec.principals)),
            spec.valid_after.to_bytes(8),
            spec.valid_before.to_bytes(8),
            string(_pairs(options)),
            string(_pairs(extensions)),
            string(b""),
            string(authority),
        )
    )


def line(key: PublicKeyBlob, body: bytes, signature: bytes) -> str:
    """The certificate as OpenSSH writes it. `signature` is its type and the signature, each after its length."""
    return f"{key.certificate_type} {base64.b64encode(body + string(signature)).decode()}"


def new_serial() -> int:
    """A serial of 63 bits that no other certificate has: nobody keeps count across machines."""
    return int.from_bytes(os.urandom(8)) >> 1 or 1


def _pairs(options: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(string(name.encode()) + string(value) for name, value in options)
