"""Who signs SSH certificates."""

from typing import Protocol

from warden.core.ssh.certificate import CertificateSpec


class CertificateAuthority(Protocol):
    """A certificate authority of SSH: OpenBao's engine, a key file, a key in ssh-agent or in a PKCS#11 token.

    Each member raises `UsageError` for a key that cannot be used, `Refused` or `Unidentified` where another system
    holds it and does not sign, `Inconclusive` where that gave no answer.
    """

    where: str
    """Where the key is, as people name it."""

    def sign(self, spec: CertificateSpec) -> str:
        """The certificate as one line of OpenSSH. It is not to be believed before it was parsed and compared."""

    def public_keys(self) -> tuple[str, ...]:
        """The public keys that hosts are to trust, as lines of OpenSSH: the one that signs now comes first."""

    def expect_key(self) -> None:
        """See that the key is there; nothing is signed, and nobody is asked for a PIN."""
