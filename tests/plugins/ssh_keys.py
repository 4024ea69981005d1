"""Ed25519 keys in files, as ``ssh-keygen`` writes them."""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def write_key(path: Path) -> Path:
    """A new private key in the file, and its public key beside it."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.OpenSSH, pem.NoEncryption()))
    os.chmod(path, 0o600)
    public = key.public_key().public_bytes(pem.Encoding.OpenSSH, pem.PublicFormat.OpenSSH)
    path.with_suffix(".pub").write_bytes(public + b" warden@tests\n")
    return path


def hardware_key(kind: str) -> str:
    """A public key of a security key (PROTOCOL.u2f): a line of OpenSSH of ``sk-…`` type."""
    if kind == "sk-ssh-ed25519@openssh.com":
        point = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        parts = [kind.encode(), point]
    else:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        point = public.public_bytes(pem.Encoding.X962, pem.PublicFormat.UncompressedPoint)
        parts = [kind.encode(), b"nistp256", point]
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in [*parts, b"ssh:"])
    return f"{kind} {base64.b64encode(blob).decode()}"
