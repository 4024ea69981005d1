"""Ed25519 keys in files, as ``ssh-keygen`` writes them."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def write_key(path: Path) -> Path:
    """A new private key in the file, and its public key beside it."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.OpenSSH, pem.NoEncryption()))
    os.chmod(path, 0o600)
    public = key.public_key().public_bytes(pem.Encoding.OpenSSH, pem.PublicFormat.OpenSSH)
    path.with_suffix(".pub").write_bytes(public + b" warden@tests\n")
    return path
