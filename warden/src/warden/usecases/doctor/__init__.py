"""doctor: what is there and what is missing, on this machine, in OpenBao and in each cluster; changes nothing.

When OpenBao does not answer, what would have been asked of it is left out.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from warden.core.findings import (
    AuditFile,
    AuditPlace,
    Diagnosis,
    Finding,
    JournalFile,
    PlatformDirectory,
    UnreadPolicies,
)
from warden.core.openbao.rights import Scope, Verb
from warden.ports.vault import Vault
from warden.usecases.doctor.cluster import ClusterToExamine, examine_cluster
from warden.usecases.doctor.openbao import examine_audit, examine_identity, examine_server, not_asked, verb_rights


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen on this machine before the server was asked.

    Attributes:
        source: the variable that the address came from.
        tls: whether the connection is https (then it is verified).
        journal: path of the journal; ``journal_fault`` says why it cannot be written, empty where it can.
        platform: the platform directory; empty where none was found, and ``platform_fault`` says why.
        unread_policies: files of the platform directory that look like access policies and are not read.
        audit: WARDEN_AUDIT, empty where it is not set.
        readable: whether a file or directory can be read from here.
        clusters: the clusters that lanes are delivered to from this server.
    """

    source: str
    tls: bool
    journal: str
    journal_fault: str
    platform: str
    platform_fault: str
    unread_policies: tuple[str, ...] = ()
    audit: str
    readable: Callable[[str], bool]
    clusters: Sequence[ClusterToExamine] = ()


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
        *(finding for each in machine.clusters for finding in examine_cluster(each, verbs)),
    ]
    return Diagnosis(
        address=vault.address,
        source=machine.source,
        answered=answered,
        findings=tuple(findings),
        rights=verb_rights(vault, scope, verbs) if known else not_asked(verbs),
    )


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
    journal = JournalFile(machine.journal, machine.journal_fault)
    yield Finding("journal", "missing" if journal.fault else "ok", journal)
    platform = PlatformDirectory(machine.platform, machine.platform_fault)
    yield Finding("platform", "ok" if platform.path else "missing", platform)
    if machine.unread_policies:
        yield Finding("policies", "unknown", UnreadPolicies(machine.unread_policies))
