"""The port Verifier on public keys that are named: lines of OpenSSH, or PEM files (``openssl pkey -pubout``)."""

from collections.abc import Iterable

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError
from warden.core.public_key import PublicKey, public_key

LARGEST = 256 * 1024
"""Bytes: some thousand keys."""


class PublicKeys:
    """These keys are believed."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys = {key.id: key for key in keys}
        self.ids = frozenset(self._keys)

    def holds(self, key_id: str, signature: bytes, payload: bytes) -> bool:
        """Whether that key is one of them and made this signature of these bytes (RFC 8032, section 5.1.7)."""
        from cryptography.exceptions import InvalidSignature  # 80 ms, only where something is checked
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # as above

        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, payload)
        except (InvalidSignature, ValueError):
            return False
        return True


def read_public_keys(named: str) -> tuple[PublicKey, ...]:
    """The keys that ``--key`` names: a line of OpenSSH, or a file of such lines or of PEM.

    Raises `UsageError` where there is none in it, or one that is not Ed25519.
    """
    if key := public_key(named):
        return (key,)
    try:
        content = read_bytes(named, LARGEST)
    except NotUsable as fault:
        raise _unusable(named, f"cannot be read ({fault})") from None
    found = _from_pem(named, content) if b"-----BEGIN" in content else _from_lines(named, content)
    if not found:
        raise _unusable(named, "holds no public key")
    return found


def _from_lines(named: str, content: bytes) -> tuple[PublicKey, ...]:
    lines = content.decode("utf-8", "replace").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = public_key(line)
        if key is None:
            raise _unusable(named, f"has a line that is not a public key of type ssh-ed25519 (line {number})")
        found.append(key)
    return tuple(found)


def _from_pem(named: str, content: bytes) -> tuple[PublicKey, ...]:
    from cryptography.exceptions import UnsupportedAlgorithm  # 80 ms, only where a PEM file is named
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # as above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # as above

    if b"PRIVATE KEY" in content:
        raise _unusable(named, "is a private key, which nobody needs to check a signature")
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(named, "is not a public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _unusable(named, "is not of type Ed25519")
    return (PublicKey(key.public_bytes_raw()),)


def _unusable(named: str, why: str) -> UsageError:
    return UsageError(
        f"--key {named[:100]} {why}",
        effect=Effect.NOTHING_CHECKED,
        subject=named[:100],
        hint="name a file with a line `ssh-ed25519 AAAA…`, or a PEM file",
    )
