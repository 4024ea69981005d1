"""What doctor finds of SSH certificates: the CAs, OpenSSH on this machine, the agent, and the published KRL."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from warden.core.errors import WardenError
from warden.core.inventory.inventory import Purpose
from warden.core.journal.record import Record
from warden.core.ssh.emergency import Emergency
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.krl import PUBLISHED
from warden.core.ssh.revocation import revocations, still_needed

OLDEST = (8, 2)
"""OpenSSH: signatures under KRLs are verified (``-Y verify``) and keys of hardware certified from then on."""
PROGRAMS = ("ssh", "ssh-keygen", "ssh-agent", "ssh-add")
KRL_EVENTS = (REVOKED, PUBLISHED)
"""What `published` reads."""
KRL_FRESH = dt.timedelta(hours=24)
"""How old a KRL may be for ``ssh krl pull``, unless a host says otherwise."""


class AuthorityKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A CA can be asked to sign: the fingerprints of the keys that hosts are to trust, the one that signs first."""

    purpose: Purpose
    where: str
    fingerprints: tuple[str, ...]


class AuthorityFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a CA cannot be asked. ``denied`` is the mount that OpenBao does not let the caller look at."""

    purpose: Purpose
    fault: WardenError
    denied: str = ""


class OpenSsh(msgspec.Struct, frozen=True, kw_only=True):
    """OpenSSH on this machine. ``version`` is as it says it, ``number`` empty where that cannot be read.

    ``absent`` are programs that are not there; ``sshd`` is where the server is, empty without one.
    """

    version: str
    number: tuple[int, ...] = ()
    absent: tuple[str, ...] = ()
    sshd: str = ""

    @property
    def too_old(self) -> bool:
        """Whether something that is used is not in this version."""
        return bool(self.number) and self.number < OLDEST


class Sshd(msgspec.Struct, frozen=True):
    """Where sshd is on this machine; empty without one."""

    path: str


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """The ssh-agent that SSH_AUTH_SOCK names, and how many identities it holds; ``where`` is empty without one.

    ``fault`` is why it did not answer. ``waiting`` are certificates that were issued into an agent and are still valid.
    """

    where: str = ""
    identities: int = 0
    waiting: int = 0
    fault: WardenError | None = None


class PublishedKrl(msgspec.Struct, frozen=True, kw_only=True):
    """The KRL that the journal says was published last, and what speaks against it.

    Attributes:
        where, version, built: of the last one (``built`` is ISO 8601 UTC); empty and 0 where none was.
        serials, keys: how many it revokes.
        missing: the records of revocations after it, of which something may still be valid.
        found: the version of the file there; ``None`` without one that can be read.
        elsewhere: the journal is shared, so the file may be on another machine.
        old: it is older than hosts accept by default.
    """

    where: str = ""
    version: int = 0
    built: str = ""
    serials: int = 0
    keys: int = 0
    missing: tuple[int, ...] = ()
    found: int | None = None
    elsewhere: bool = False
    old: bool = False


class WaitingEmergencies(msgspec.Struct, frozen=True):
    """Certificates that were signed without OpenBao, and that nobody else has looked at."""

    each: tuple[Emergency, ...]


def published(records: Sequence[Record], now: dt.datetime) -> PublishedKrl:
    """What these records (of `KRL_EVENTS`, oldest first) say; the file is not looked at.

    A KRL has what was recorded before its own first record.
    """
    last = next((each for each in reversed(records) if each.event == PUBLISHED), None)
    after = last.number("begin") if last else 0
    newer = (each for each in records if each.seq > after)
    missing = tuple(each.seq for each in newer if still_needed(revocations([each]), now.timestamp()))
    if last is None:
        return PublishedKrl(missing=missing)
    return PublishedKrl(
        where=str(last.body.get("where") or ""),
        version=last.number("version"),
        built=last.at,
        serials=last.number("serials"),
        keys=last.number("keys"),
        missing=missing,
        old=now - dt.datetime.fromisoformat(last.at) > KRL_FRESH,
    )
