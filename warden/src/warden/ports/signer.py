"""Who signs what is to be believed later, and the public keys that say whether it was."""

from typing import Protocol

from warden.core.public_key import PublicKey


class Signer(Protocol):
    """An Ed25519 key that signs: the private half is never in this process longer than it takes.

    Each member raises `UsageError` for a key that cannot be used, `Refused`, `Unidentified` or `Inconclusive` where
    another system holds it and does not sign.
    """

    where: str
    """Where the key is, as people name it."""

    @property
    def key_id(self) -> str:
        """The fingerprint of the public key that `sign` signs for."""

    def sign(self, payload: bytes) -> bytes:
        """The raw signature (64 bytes) of exactly these bytes."""

    def public_keys(self) -> tuple[PublicKey, ...]:
        """The public keys of what it has signed with: the current one last."""


class Verifier(Protocol):
    """Public keys that are believed. Pure mathematics: nothing is asked and nothing raises."""

    ids: frozenset[str]
    """The fingerprints of the keys."""

    def holds(self, key_id: str, signature: bytes, payload: bytes) -> bool:
        """Whether the key of that fingerprint is believed and made this signature of these bytes."""
