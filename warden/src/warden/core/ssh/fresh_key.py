"""A key pair that was just made."""

import msgspec

from warden.core.secret import Secret


class FreshKey(msgspec.Struct, frozen=True, kw_only=True):
    """An ed25519 key pair: the public key is a line of OpenSSH without a comment, the private one OpenSSH's PEM."""

    public_key: str
    private_key: Secret
