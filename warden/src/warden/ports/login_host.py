"""Hosts that logins are tried at."""

from collections.abc import Sequence
from typing import Protocol

from warden.core.ssh.certificate import Certificate
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_verdicts import Attempted


class LoginHost(Protocol):
    """A host with sshd, and an account there."""

    where: str
    account: str

    def attempt(self, key: FreshKey, certificate: Certificate, *, account: str = "", asks: str = "") -> Attempted:
        """Log in with the certificate as that account, and leave at once: nothing is run there.

        The key may be another one than the certificate's. With `asks` this command is asked for. Raises `Inconclusive`
        where nothing could be tried.
        """

    def log(self, serials: Sequence[int]) -> str:
        """What its sshd has written; waits a moment for a decision about each of these serials, as often as named.

        Raises `Inconclusive` where it cannot be read.
        """


class OwnHost(LoginHost, Protocol):
    """An sshd of this run alone. What is set here counts from the next login on."""

    def trust(self, *authorities: str) -> None:
        """The public keys of the CAs that it trusts (``TrustedUserCAKeys``)."""

    def authorize(self, *principals: str) -> None:
        """The lines of its ``AuthorizedPrincipalsFile``."""

    def revoke(self, krl: bytes) -> None:
        """Its ``RevokedKeys``."""
