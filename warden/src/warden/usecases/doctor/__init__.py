"""doctor: what is there and what is missing, on this machine, in OpenBao and in each cluster; changes nothing.

When OpenBao does not answer, what would have been asked of it is left out.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from warden.core.errors import Inconclusive, UsageError
from warden.core.findings import (
    AuditFile,
    AuditPlace,
    Diagnosis,
    FileWithErrors,
    Finding,
    JournalFile,
    NoAnswer,
    OrphansUnknown,
    PlatformDirectory,
    UnreadPolicies,
)
from warden.core.lanes.catalog import LeftOut
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import Verb
from warden.core.remedies import Remedy
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.doctor.cluster import ClusterToExamine, examine_cluster
from warden.usecases.doctor.openbao import examine_audit, examine_identity, examine_server, not_asked, verb_rights
from warden.usecases.doctor.policy import PointToExamine, examine_points
from warden.usecases.doctor.ssh import SshToExamine, examine_ssh
from warden.usecases.orphans import orphans


class DeclaredHere(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalog declares for this OpenBao: the ``context`` of its lanes, ``None`` where there is none.

    ``clusters`` are those that lanes are delivered to; ``left_out`` are the files with errors.
    """

    context: Context | None = None
    left_out: tuple[LeftOut, ...] = ()
    clusters: tuple[ClusterToExamine, ...] = ()


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen on this machine before the server was asked.

    Attributes:
        source: the variable that the address came from.
        tls: whether the connection is https (then it is verified).
        journal: what was found of the journal.
        platform: the platform directory; empty where none was found, and ``platform_fault`` says why.
        unread_policies: files of the platform directory that look like access policies and are not read.
        policy_points: those that decide beside the access policies.
        audit: WARDEN_AUDIT, empty where it is not set.
        readable: whether a file or directory can be read from here.
        declared: what the catalog declares.
        ssh: what SSH certificates need; None without a platform directory.
    """

    source: str
    tls: bool
    journal: JournalFile
    platform: str
    platform_fault: str
    platform_hint: str = ""
    platform_remedy: Remedy = ()
    unread_policies: tuple[str, ...] = ()
    policy_points: tuple[PointToExamine, ...] = ()
    audit: str
    readable: Callable[[str], bool]
    declared: DeclaredHere = DeclaredHere()
    ssh: SshToExamine | None = None


def doctor(vault: Vault, machine: Machine, scope: Scope, verbs: Sequence[Verb]) -> Diagnosis:
    """Look at everything; raises nothing of its own."""
    answered, server = examine_server(vault, source=machine.source, tls=machine.tls)
    identity = examine_identity(vault) if answered else None
    known = identity is not None and identity.verdict != "missing"
    findings = [
        *server,
        *([identity] if identity else []),
        *(_audit(vault, machine) if known else _audit_here(machine)),
        *_here(machine),
        *_catalog(machine.declared, known=known),
        *(finding for each in machine.declared.clusters for finding in examine_cluster(each, verbs)),
        *(examine_ssh(machine.ssh, vault if known else None, verbs) if machine.ssh else ()),
    ]
    return Diagnosis(
        address=vault.address,
        source=machine.source,
        answered=answered,
        findings=tuple(findings),
        rights=verb_rights(vault, scope, verbs) if known else not_asked(verbs),
    )


def without_openbao(fault: UsageError, machine: Machine, verbs: Sequence[Verb]) -> Diagnosis:
    """What can be seen where no OpenBao is named, or in a way that cannot work: `fault` says which."""
    findings = (
        Finding("server", "missing", NoAnswer(fault)),
        *_audit_here(machine),
        *_here(machine),
        *_catalog(machine.declared, known=False),
        *(finding for each in machine.declared.clusters for finding in examine_cluster(each, verbs)),
        *(examine_ssh(machine.ssh, None, verbs) if machine.ssh else ()),
    )
    return Diagnosis(address="", source="", answered=False, findings=findings, rights=not_asked(verbs))


def _audit(vault: Vault, machine: Machine) -> Iterator[Finding]:
    header, files = examine_audit(vault)
    yield header
    if files is None:
        yield from _audit_here(machine)
    elif not files:
        yield Finding("audit lines", "missing", AuditPlace(declared=False))
    else:
        yield from (_audit_file(path, machine) for path in files)


def _audit_here(machine: Machine) -> Iterator[Finding]:
    """What can be said where OpenBao does not say where its audit lines are."""
    if machine.audit:
        yield _audit_file(machine.audit, machine)
    else:
        yield Finding("audit lines", "unknown", AuditPlace(declared=None))


def _audit_file(path: str, machine: Machine) -> Finding:
    read_as = machine.audit or path
    readable = machine.readable(read_as)
    return Finding("audit lines", "ok" if readable else "missing", AuditFile(path, read_as, readable))


def _here(machine: Machine) -> Iterator[Finding]:
    yield Finding("journal", "missing" if machine.journal.fault else "ok", machine.journal)
    platform = PlatformDirectory(
        machine.platform, machine.platform_fault, machine.platform_hint, machine.platform_remedy
    )
    yield Finding("platform", "ok" if platform.path else "missing", platform)
    if machine.unread_policies:
        yield Finding("policies", "unknown", UnreadPolicies(machine.unread_policies))
    yield from examine_points(machine.policy_points)


def _catalog(declared: DeclaredHere, *, known: bool) -> Iterator[Finding]:
    """Files with errors, and what is left of lanes whose files are gone."""
    yield from (Finding("catalog", "missing", FileWithErrors(each)) for each in declared.left_out)
    if declared.context is None or not known:
        return
    try:
        found = orphans(declared.context)
    except Inconclusive:
        return
    if found.policies is None:
        yield Finding("orphans", "unknown", OrphansUnknown())
    yield from (Finding("orphans", "unknown", each) for each in found.policies or ())
    yield from (Finding("orphans", "unknown", each) for each in found.deliveries)
