"""Reading SSH certificates and keys."""

from typing import Protocol

from warden.core.ssh.certificate import Certificate


class Certificates(Protocol):
    """Reads what OpenSSH writes. Pure: no file is read and nobody is asked."""

    def parse(self, line: str) -> Certificate:
        """The certificate in this line, its signature verified. Raises `Inconclusive` where it holds none."""

    def public_key(self, line: str) -> str:
        """The plain public key in this line, without its comment. Raises `UsageError` where it holds none we sign."""

    def fingerprint(self, line: str) -> str:
        """``SHA256:…`` of the public key in this line (``ssh-keygen -l``). Raises `UsageError` as `public_key`."""
