"""Makes key pairs with cryptography: the private half is in memory only."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from warden.core.secret import Secret
from warden.core.ssh.fresh_key import FreshKey


def fresh_key() -> FreshKey:
    """A new ed25519 key pair."""
    pair = Ed25519PrivateKey.generate()
    private = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return FreshKey(public_key=public.decode(), private_key=Secret(private.decode()))
