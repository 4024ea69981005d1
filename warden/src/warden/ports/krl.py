"""KRLs: made, published, fetched, checked, and in place on a host."""

from collections.abc import Sequence
from typing import Protocol

from warden.core.ssh.krl import Section, SignedKrl


class KrlBuilder(Protocol):
    """Makes KRLs."""

    def build(self, sections: Sequence[Section], version: int) -> bytes:
        """The KRL. Raises `Inconclusive` where it cannot be made."""


class KrlVerifier(Protocol):
    """Checks KRLs. Each member raises `Inconclusive` where nothing can be checked."""

    def readable(self, krl: bytes) -> bool:
        """Whether OpenSSH can read it to its end."""

    def signed(self, found: SignedKrl) -> bool:
        """Whether somebody that the host believes has signed it, as a KRL."""


class KrlFolder(Protocol):
    """Where KRLs are published. Each member raises `Inconclusive` where it cannot be read or written."""

    where: str

    def published(self) -> SignedKrl | None:
        """The KRL there, and its signature; ``None`` where there is none."""

    def publish(self, made: SignedKrl) -> None:
        """Replace it."""


class KrlSource(Protocol):
    """Where hosts fetch KRLs."""

    where: str

    def fetch(self, known: SignedKrl | None) -> SignedKrl | None:
        """What is there; ``None`` where it is the one that is `known`. It is not to be believed before it was checked.

        Raises `Unreachable` where there is no answer, `ServerFault` for one that is not a KRL with its signature.
        """


class KrlHost(Protocol):
    """The file that sshd reads, and the last good one beside it. Each member raises `Inconclusive` on its failure."""

    where: str

    def in_place(self) -> bytes | None:
        """What sshd reads; ``None`` where there is no file, or one that is not to be read."""

    def install(self, krl: bytes) -> None:
        """Replace what sshd reads, whole or not at all."""

    def last_good(self) -> SignedKrl | None:
        """The last one that was kept; ``None`` where there is none, or it cannot be used."""

    def keep(self, found: SignedKrl) -> None:
        """Keep a good one."""
