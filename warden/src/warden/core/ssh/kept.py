"""A certificate that this machine holds: who has it, and whether it is still to be used."""

from typing import Literal

import msgspec

from warden.core.ssh.issue_log import Handed

Standing = Literal["good", "due", "expired"]
"""``due``: still valid, and to be renewed."""


FOLDER_OPTION = "--out DIR"
"""How files are asked for in place of an agent, and another folder in place of one that cannot be used."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a key and its certificate: the agent at a socket, or files in a folder."""

    handed: Handed
    where: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was handed over on this machine. Times are seconds since 1970 in UTC.

    ``platform`` and ``environment`` are what it was issued for, as the command line named them; ``address`` what
    BAO_ADDR said. ``authority`` is the CA's fingerprint, ``record`` the number of ``certificate.issued``. ``own_key``:
    warden made the key. ``replaces``: the fingerprint of warden's key that is still there, until the new one has taken
    its place.
    """

    actor: str
    holder: Holder
    platform: str
    environment: str
    address: str
    line: str
    serial: int
    fingerprint: str
    authority: str
    record: int
    valid_after: int
    valid_before: int
    own_key: bool = True
    replaces: str = ""

    def is_own(self, fingerprint: str) -> bool:
        """Whether warden made the key with that fingerprint, also if it was stopped while it replaced it."""
        return self.own_key and bool(fingerprint) and fingerprint in {self.fingerprint, self.replaces}

    @property
    def renew_at(self) -> int:
        """When two thirds of its life are over."""
        return renew_at(self.valid_after, self.valid_before)

    def standing(self, now: float) -> Standing:
        """Whether it is to be used, to be renewed, or of no use."""
        if now >= self.valid_before:
            return "expired"
        return "due" if now >= self.renew_at else "good"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is to be certified, as a line of OpenSSH; ``own_key``: warden made it.

    ``replaces`` is the fingerprint of the key whose place it takes; empty where there is none.
    """

    public_key: str
    own_key: bool
    replaces: str = ""


class JustFailed(msgspec.Struct, frozen=True):
    """Another process tried to renew the actor's certificate while this one waited, and could not."""

    actor: str


def renew_at(valid_after: int, valid_before: int) -> int:
    """When a certificate with that life is to be renewed: at two thirds of it."""
    return valid_after + 2 * (valid_before - valid_after) // 3


_CERTIFICATE = "-cert.pub"


def key_file(folder: str, actor: str) -> str:
    """The private key's file in a folder; the public key is beside it as ``.pub``, the certificate as ``-cert.pub``."""
    return f"{folder}/{actor}"


def certificate_file(folder: str, actor: str) -> str:
    """The certificate's file in a folder: where ssh looks for it beside the key."""
    return f"{folder}/{actor}{_CERTIFICATE}"


def certificate_beside(public_key: str) -> str:
    """The certificate's file for the file of a public key, as ``ssh-keygen -s`` names it."""
    return f"{public_key.removesuffix('.pub')}{_CERTIFICATE}"


def identity_file(certificate: str) -> str:
    """What ssh's IdentityFile has to name for that certificate's file: the key's, which need not be there.

    ssh then has the agent sign with the very certificate. With CertificateFile it would look for a private key in the
    certificate's file, and say so (measured, OpenSSH 9.2).
    """
    return certificate.removesuffix(_CERTIFICATE)
