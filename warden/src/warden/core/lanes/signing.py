"""Who signs, as ``platform.yaml`` names it."""

import msgspec


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """The Ed25519 key that signs checkpoints of the journal: ``transit`` or ``ssh_key``, one of the two.

    ``transit`` is MOUNT/KEY of OpenBao's transit engine, which signs for the caller. ``ssh_key`` is the file of a
    private key, ``/…`` or ``~/…``, never one in the platform directory. ``public_keys`` are believed when a journal is
    verified, as ``ssh-ed25519 AAAA…``: the current one, and those that signed before it was rotated.
    """

    transit: str | None = None
    ssh_key: str | None = None
    public_keys: tuple[str, ...] = ()
