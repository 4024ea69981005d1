"""What doctor looks at for SSH certificates: the CAs, OpenSSH and the agent here, the published KRL, break-glass.

Only what the verbs need that were asked for; nothing where the inventory has no actor and no host. Nothing is signed.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from warden.core.errors import Inconclusive, Invalid, JournalUnwritable, Refused, UsageError, WardenError
from warden.core.findings import Finding, NoAnswer, Verdict
from warden.core.inventory.inventory import DeclaredAuthority, Inventory, Purpose
from warden.core.openbao.rights import Verb
from warden.core.ssh.doctor_facts import (
    KRL_EVENTS,
    AgentState,
    AuthorityFault,
    AuthorityKeys,
    OpenSsh,
    PublishedKrl,
    Sshd,
    WaitingEmergencies,
    published,
)
from warden.core.ssh.krl import head
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.certificates import Certificates
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.kept_certificates import KeptCertificates
from warden.ports.key_agent import KeyAgent
from warden.ports.krl import KrlFolder
from warden.ports.vault import Vault
from warden.usecases.steps.emergencies import waiting_emergencies

NEEDED: dict[Purpose, frozenset[Verb]] = {
    "users": frozenset({"doctor", "sign", "prove", "ssh-ca"}),
    "hosts": frozenset({"doctor", "ssh-host-sign", "ssh-ca"}),
    "break-glass": frozenset({"doctor", "sign"}),
}
"""Whose CA it is -> the verbs by which ``doctor --for`` asks for it."""
OF_OPENSSH: frozenset[Verb] = frozenset({"doctor", "sign", "prove", "ssh-host-sign"})


class SshToExamine(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at, and with what.

    ``agent`` is the one that SSH_AUTH_SOCK names. ``journal`` is None where it cannot be used; ``shared``: others write
    to it, too. ``folder`` is a directory where KRLs are published.
    """

    inventory: Inventory | Invalid
    authority: Callable[[DeclaredAuthority], Callable[[Vault], CertificateAuthority]]
    local: Callable[[DeclaredAuthority], CertificateAuthority]
    certificates: Certificates
    open_ssh: Callable[[], OpenSsh]
    agent: KeyAgent | None
    kept: KeptCertificates
    journal: Journal | None
    shared: bool
    folder: Callable[[str], KrlFolder]
    clock: Clock


def examine_ssh(given: SshToExamine, vault: Vault | None, verbs: Sequence[Verb]) -> Iterator[Finding]:
    """A finding for each; `vault` is None where OpenBao cannot be asked, and its CAs are left out then."""
    wanted, inventory = set(verbs), given.inventory
    if isinstance(inventory, Invalid):
        yield Finding("inventory", "missing", NoAnswer(inventory))
        return
    if not (inventory.actors or inventory.hosts):
        return
    for purpose, needed_by in NEEDED.items():
        if needed_by & wanted:
            yield from _authority(purpose, given, inventory, vault)
    if OF_OPENSSH & wanted:
        yield from _programs(given.open_ssh(), proves=bool(inventory.actors) and bool({"doctor", "prove"} & wanted))
    if inventory.actors and {"doctor", "sign"} & wanted:
        yield _agent(given)
    if "doctor" in wanted and given.journal is not None:
        yield from _journal(given, given.journal)


def _authority(purpose: Purpose, given: SshToExamine, inventory: Inventory, vault: Vault | None) -> Iterator[Finding]:
    declared = inventory.authorities.of(purpose)
    if declared is None or (declared.openbao and vault is None):
        return
    try:
        found = given.authority(declared)(vault) if declared.openbao and vault else given.local(declared)
        found.expect_key()
        prints = tuple(given.certificates.fingerprint(line) for line in found.public_keys())
    except WardenError as fault:
        verdict: Verdict = "unknown" if isinstance(fault, Refused | Inconclusive) else "missing"
        denied = declared.openbao or "" if isinstance(fault, Refused) else ""
        yield Finding("SSH CA", verdict, AuthorityFault(purpose=purpose, fault=fault, denied=denied))
    else:
        yield Finding("SSH CA", "ok", AuthorityKeys(purpose=purpose, where=found.where, fingerprints=prints))


def _programs(found: OpenSsh, *, proves: bool) -> Iterator[Finding]:
    verdict: Verdict = "missing" if found.absent or found.too_old else "ok" if found.number else "unknown"
    yield Finding("OpenSSH", verdict, found)
    if proves:
        yield Finding("sshd", "ok" if found.sshd else "note", Sshd(found.sshd))


def _agent(given: SshToExamine) -> Finding:
    """Missing only where certificates of this machine are in an agent; others may do without one."""
    now = given.clock().timestamp()
    held = sum(each.holder.handed == "agent" and each.valid_before > now for each in given.kept.all())
    absent: Verdict = "missing" if held else "note"
    if given.agent is None:
        return Finding("ssh-agent", absent, AgentState(waiting=held))
    where = given.agent.where
    try:
        identities = len(given.agent.identities())
    except (Inconclusive, UsageError) as fault:
        return Finding("ssh-agent", absent, AgentState(where=where, waiting=held, fault=fault))
    return Finding("ssh-agent", "ok", AgentState(where=where, identities=identities, waiting=held))


def _journal(given: SshToExamine, journal: Journal) -> Iterator[Finding]:
    """What the journal says; one that cannot be read is a finding of its own."""
    try:
        state = published(journal.log(events=KRL_EVENTS), given.clock())
        emergencies = tuple(waiting_emergencies(journal))
    except JournalUnwritable:
        return
    yield _krl(given, state)
    if emergencies:
        yield Finding("break-glass", "missing", WaitingEmergencies(emergencies))


def _krl(given: SshToExamine, state: PublishedKrl) -> Finding:
    if state.missing or not state.version:
        return Finding("KRL", "missing" if state.missing else "note", state)
    try:
        there = given.folder(state.where).published()
    except Inconclusive as fault:
        return Finding("KRL", "unknown", NoAnswer(fault))
    found = head(there.krl) if there else None
    state = msgspec.structs.replace(state, found=found.version if found else None, elsewhere=given.shared)
    return Finding("KRL", _verdict(state), state)


def _verdict(state: PublishedKrl) -> Verdict:
    if state.found is None:
        return "unknown" if state.elsewhere else "missing"
    if state.found != state.version:
        return "missing"
    return "note" if state.old else "ok"
