"""What doctor found of SSH certificates, in words: each fact, and what to do about it."""

from collections.abc import Callable
from typing import Any

from warden.core.remedies import RunProgram, warden
from warden.core.ssh.ca import field_of
from warden.core.ssh.doctor_facts import (
    OLDEST,
    AgentState,
    AuthorityFault,
    AuthorityKeys,
    OpenSsh,
    PublishedKrl,
    Sshd,
    WaitingEmergencies,
)
from warden.present import errors, terminal
from warden.present.commands import command, commands

_WHOSE = {"users": "for users", "hosts": "for hosts", "break-glass": "for break-glass"}
_SHOWN = 3
"""Records and reasons that are named where there are more."""


def _keys(fact: AuthorityKeys) -> tuple[str, str]:
    signs, *trusted = fact.fingerprints
    more = f", and {terminal.counted(len(trusted), 'other key')} to trust" if trusted else ""
    return f"{_WHOSE[fact.purpose]}: {fact.where}, key {signs}{more}", ""


def _fault(fact: AuthorityFault) -> tuple[str, str]:
    if fact.denied:
        grant = command(warden("doctor", policy="doctor", ssh=fact.denied))
        return (
            f"{_WHOSE[fact.purpose]}: not allowed to list the keys of {fact.denied}/",
            f"ask an administrator to grant: {grant}",
        )
    show = command(warden("ssh ca show", for_=fact.purpose))
    hint = errors.hint(fact.fault) or f"correct it, or {field_of(fact.purpose)} in inventory.yaml, then: {show}"
    return f"{_WHOSE[fact.purpose]}: {errors.problem(fact.fault)}", hint


def _open_ssh(fact: OpenSsh) -> tuple[str, str]:
    install = command(RunProgram(("apt", "install"), ("openssh-client",)))
    if fact.absent:
        return f"not installed: {', '.join(fact.absent)}", f"on Debian: {install}"
    if fact.too_old:
        wanted = ".".join(map(str, OLDEST))
        return f"{fact.version} is older than {wanted}, which warden needs", f"upgrade it; on Debian: {install}"
    if not fact.number:
        version = command(RunProgram(("ssh", "-V")))
        return f"the version of ssh is not known: {fact.version or 'it says nothing'}", f"see for yourself: {version}"
    return fact.version, ""


def _sshd(fact: Sshd) -> tuple[str, str]:
    if fact.path:
        return fact.path, ""
    install = command(RunProgram(("apt", "install"), ("openssh-server",)))
    return "not installed here, and `prove ACTOR` needs it (with --host it does not)", f"on Debian: {install}"


def _agent(fact: AgentState) -> tuple[str, str]:
    needed = f"; {terminal.counted(fact.waiting, 'valid certificate')} issued here went into an agent"
    why = needed if fact.waiting else ", which `issue` needs unless it writes files (--out DIR)"
    start = command(RunProgram(("ssh-agent", "bash")))
    if not fact.where:
        return f"SSH_AUTH_SOCK is not set{why}", f"start one: {start}"
    if fact.fault is not None:
        return f"{errors.problem(fact.fault)}{why}", f"start another one: {start}"
    return f"{fact.where} answers; keys and certificates in it: {fact.identities}", ""


def _krl(fact: PublishedKrl) -> tuple[str, str]:
    options = {"dir": fact.where} if fact.where else {}
    build = command(warden("ssh krl build", **options))
    last = f"version {fact.version}, built {terminal.ago(fact.built)}" if fact.version else "none was published"
    if fact.missing:
        records = ", ".join(map(str, fact.missing[:_SHOWN])) + (", …" if len(fact.missing) > _SHOWN else "")
        unpublished = terminal.counted(len(fact.missing), "revocation")
        return f"{last}: {unpublished} not in it, so hosts do not refuse them (journal {records})", build
    if not fact.version:
        return f"{last}; nothing is revoked yet, and hosts that read one have to find one", build
    if fact.found is None:
        return f"{last} in {fact.where}, where no KRL can be read now", build
    if fact.found != fact.version:
        return f"{fact.where} has version {fact.found}, and the journal's last one is another: {last}", build
    text = f"{last} in {fact.where}; {terminal.counted(fact.serials, 'serial')}, {terminal.counted(fact.keys, 'key')}"
    return (f"{text}; hosts report one that is older than 24 h", f"on a timer: {build}") if fact.old else (text, "")


def _emergencies(fact: WaitingEmergencies) -> tuple[str, str]:
    first = fact.each[0]
    more = f", and {len(fact.each) - 1} more" if fact.each[1:] else ""
    text = f"{first.signer} had one signed for {first.subject} {terminal.ago(first.at)}, not acknowledged yet{more}"
    return text, commands(tuple(warden("ssh acknowledge", str(each.record)) for each in fact.each[:_SHOWN]))


DESCRIPTIONS_OF_SSH: dict[type, Callable[[Any], tuple[str, str]]] = {
    AuthorityKeys: _keys,
    AuthorityFault: _fault,
    OpenSsh: _open_ssh,
    Sshd: _sshd,
    AgentState: _agent,
    PublishedKrl: _krl,
    WaitingEmergencies: _emergencies,
}
