"""The port CertificateAuthority on a key that is made for one run, kept in memory, and known to nobody else."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warden.adapters.ssh.key_file_authority import certified
from warden.core.ssh.certificate import CertificateSpec


class ThrowAwayAuthority:
    """Signs whatever it is asked to; no host trusts it but one that is made for the same run."""

    where = "a CA of this run alone"

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def sign(self, spec: CertificateSpec) -> str:
        """See the port."""
        return certified(spec, self._key)

    def public_keys(self) -> tuple[str, ...]:
        """See the port."""
        return (self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),)

    def expect_key(self) -> None:
        """It always is."""
