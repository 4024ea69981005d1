"""What `doctor` finds: one thing that was looked at, whether it will do, and the facts."""

from typing import Literal

import msgspec

from warden.core.clusters.rbac import Asking
from warden.core.clusters.rights import Scope as ClusterScope
from warden.core.errors import Exit, UsageError, WardenError
from warden.core.lanes.catalog import LeftOut
from warden.core.openbao.api import Health, Identity
from warden.core.openbao.orphans import OrphanedPolicy
from warden.core.openbao.right import Right
from warden.core.openbao.rights import Verb
from warden.core.plans.lane_plan import Orphan
from warden.core.remedies import Remedy
from warden.core.ssh.doctor_facts import (
    AgentState,
    AuthorityFault,
    AuthorityKeys,
    OpenSsh,
    PublishedKrl,
    Sshd,
    WaitingEmergencies,
)

About = Literal[
    "server",
    "transport",
    "identity",
    "probe header",
    "audit lines",
    "journal",
    "platform",
    "policies",
    "policy point",
    "catalog",
    "orphans",
    "cluster",
    "operator",
    "rights",
    "inventory",
    "SSH CA",
    "OpenSSH",
    "sshd",
    "ssh-agent",
    "KRL",
    "break-glass",
]
Verdict = Literal["ok", "missing", "soon", "note", "unknown"]
"""``missing``: something must be done; ``soon``: it will have to be; ``note``: only some need it; ``unknown``: not
allowed to look, or no answer, which hinders nothing else."""


class NoAnswer(msgspec.Struct, frozen=True):
    """What was asked gave no answer, or refused it; ``source`` is the variable that OpenBao's address came from."""

    fault: WardenError
    source: str = ""


class ServerState(msgspec.Struct, frozen=True):
    """OpenBao answered."""

    health: Health


class Transport(msgspec.Struct, frozen=True):
    """How OpenBao is spoken to; with TLS its certificate is verified."""

    tls: bool


class LoggedIn(msgspec.Struct, frozen=True):
    """Who OpenBao says the caller is."""

    identity: Identity


class ProbeHeader(msgspec.Struct, frozen=True):
    """Whether the probe header is written to the audit log in clear; ``None`` where that may not be looked at."""

    registered: bool | None


class AuditFile(msgspec.Struct, frozen=True):
    """A file that OpenBao writes its audit lines to; ``read_as`` is the path by which it is read here."""

    path: str
    read_as: str
    readable: bool


class AuditPlace(msgspec.Struct, frozen=True):
    """No file of audit lines: ``declared`` is false where OpenBao has none, ``None`` where that could not be asked."""

    declared: bool | None


class JournalFile(msgspec.Struct, frozen=True):
    """The journal; ``fault`` is the error that every command ends with, ``None`` where it can be used.

    Attributes:
        path: of its file, or the URL of its database.
        shared: whether it is in a database, for a team.
        owned: whether this role owns the table there, so that it could remove the triggers.
        verified: whether the server there has to prove that it is the one named.
        signing: whether platform.yaml names a key for its checkpoints.
        signed: when the newest checkpoint was recorded (ISO 8601 UTC); empty where none was.
    """

    path: str
    fault: WardenError | None = None
    shared: bool = False
    owned: bool = False
    verified: bool = True
    signing: bool = False
    signed: str = ""


class PlatformDirectory(msgspec.Struct, frozen=True):
    """The platform directory; ``fault`` says why there is none that can be used, the others what to do about it."""

    path: str
    fault: str = ""
    hint: str = ""
    remedy: Remedy = ()


class UnreadPolicies(msgspec.Struct, frozen=True):
    """Files that look like access policies and are read by nobody."""

    files: tuple[str, ...]


class PointAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A policy point answered; ``permits_nobody``: it permits nobody in particular to read what does not exist."""

    name: str
    url: str
    permits_nobody: bool


class FileWithErrors(msgspec.Struct, frozen=True):
    """A file of the catalog with errors: its lane is left out of every command for all lanes."""

    left_out: LeftOut


class OrphansUnknown(msgspec.Struct, frozen=True):
    """Policies may not be listed, so those of lanes whose file is gone are not known."""


class ClusterAnswer(msgspec.Struct, frozen=True):
    """A cluster answered, and takes the caller for that."""

    cluster: str
    address: str
    caller: str


class OperatorState(msgspec.Struct, frozen=True, kw_only=True):
    """External Secrets Operator in a cluster: the API versions that are served, the one needed, and its account.

    ``elsewhere`` are kinds that are not served in the version needed: ``KIND: VERSIONS``.
    """

    cluster: str
    group: str
    needed: str
    served: tuple[str, ...]
    account: str
    account_there: bool = True
    elsewhere: tuple[str, ...] = ()


class ClusterRights(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller may not do in a cluster for the commands of a scope; nothing where it may do all of it.

    ``lane`` is the first one that needs the first missing right, ``context`` an administrator's.
    """

    cluster: str
    scope: ClusterScope
    lanes: int
    lacking: tuple[Asking, ...] = ()
    lane: str = ""
    context: str = ""
    caller: str = ""


Fact = (
    NoAnswer
    | ServerState
    | Transport
    | LoggedIn
    | ProbeHeader
    | AuditFile
    | AuditPlace
    | JournalFile
    | PlatformDirectory
    | FileWithErrors
    | OrphanedPolicy
    | Orphan
    | OrphansUnknown
    | UnreadPolicies
    | PointAnswer
    | ClusterAnswer
    | OperatorState
    | ClusterRights
    | AuthorityKeys
    | AuthorityFault
    | OpenSsh
    | Sshd
    | AgentState
    | PublishedKrl
    | WaitingEmergencies
)


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    about: About
    verdict: Verdict
    fact: Fact


class VerbRights(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller lacks for one verb; ``asked`` is false where the server could not say."""

    verb: Verb
    asked: bool
    missing: tuple[Right, ...] = ()

    @property
    def lacking(self) -> tuple[Right, ...]:
        """The missing rights that the verb does not work without."""
        return tuple(right for right in self.missing if not right.optional)


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found; ``source`` is the variable that the address came from."""

    address: str
    source: str
    answered: bool
    findings: tuple[Finding, ...]
    rights: tuple[VerbRights, ...]

    @property
    def exit(self) -> Exit:
        """DONE; NO: something is missing; INCONCLUSIVE: the server gave no answer; USAGE: none is named."""
        unnamed = (each.fact for each in self.findings if each.about == "server" and isinstance(each.fact, NoAnswer))
        if any(isinstance(each.fault, UsageError) for each in unnamed):
            return Exit.USAGE
        if not self.answered:
            return Exit.INCONCLUSIVE
        lacking = any(not each.asked or each.lacking for each in self.rights)
        return Exit.NO if lacking or any(each.verdict == "missing" for each in self.findings) else Exit.DONE
