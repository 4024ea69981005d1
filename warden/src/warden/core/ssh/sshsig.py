"""SSH signatures of files, made of a raw Ed25519 signature, as ``ssh-keygen -Y verify`` takes them (PROTOCOL.sshsig).

So one key signs checkpoints, evidence and KRLs, wherever it is kept. What is signed begins with ``SSHSIG`` and the
namespace, which nothing else that the key signs does.
"""

import base64
from hashlib import sha512

from warden.core.changes.statement import armoured
from warden.core.public_key import PublicKey

_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4)
_HASH = b"sha512"
_KIND = b"ssh-ed25519"


def signed_bytes(namespace: str, message: bytes) -> bytes:
    """What the key signs."""
    parts = (namespace.encode(), b"", _HASH, sha512(message).digest())
    return _MAGIC + b"".join(map(_string, parts))


def signature_file(namespace: str, key: PublicKey, signature: bytes) -> bytes:
    """The file that holds this raw signature (64 bytes) of `signed_bytes`."""
    public = base64.b64decode(key.line.split()[1])
    wrapped = _string(_KIND) + _string(signature)
    parts = (public, namespace.encode(), b"", _HASH, wrapped)
    blob = _MAGIC + _VERSION + b"".join(map(_string, parts))
    return armoured(base64.b64encode(blob).decode()).encode()


def _string(content: bytes) -> bytes:
    """A string of SSH's wire format (RFC 4251, 5)."""
    return len(content).to_bytes(4) + content
