"""What can be wrong with keys, certificates and authorities, as facts."""

from typing import Literal

import msgspec

from warden.core.quoting import Facts
from warden.core.ssh.certificate import Difference

KeyFault = Literal["empty", "private", "several-lines", "certificate", "dsa", "small", "malformed"]


class BadPublicKey(msgspec.Struct, frozen=True):
    """What was given, in that file if it was one, is not a public key that is signed."""

    fault: KeyFault
    file: str = ""


class OfKey(msgspec.Struct, frozen=True):
    """What is wrong with one of several keys: that of this file."""

    file: str
    problem: str | msgspec.Struct


class BadCertificate(msgspec.Struct, frozen=True):
    """What a signer sent, or a file holds, is not a certificate; ``why`` is a clause."""

    why: str


class NotAsDecided(Facts, frozen=True, kw_only=True):
    """A certificate came back that is not what was decided."""

    subject: str
    where: str
    differences: tuple[Difference, ...]


class AuthorityUnusable(msgspec.Struct, frozen=True, kw_only=True):
    """The key of an authority cannot be used; ``why`` is a clause."""

    where: str
    why: str


class Discarded(msgspec.Struct, frozen=True):
    """The effect: a certificate was signed, and nobody got it.

    ``several``: of a batch, all that were signed, but for those whose files were ``written`` before.
    """

    several: bool = False
    written: tuple[str, ...] = ()


class AlreadyDeclared(msgspec.Struct, frozen=True):
    """The inventory has an actor or a host of that name already."""

    what: Literal["actor", "host"]
    name: str


class InventoryNotEdited(msgspec.Struct, frozen=True):
    """The file's form does not allow an edit that changes nothing else."""

    file: str
