"""doctor: what is there, what is missing, and what to do about each; changes nothing.

    doctor(vault, here, Scope(), ("plan", "put"))
    -> Diagnosis(findings=[server ok, identity ok, header not looked at, …], reaches=[plan ok, put lacks …])

A finding is ``ok``, ``missing`` (something must be done), ``soon`` (it will have to be) or ``unknown`` (not allowed to
look, which hinders nothing else). When the server does not answer, what would have been asked of it is left out.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from warden.core.errors import Exit, Inconclusive, Refused, Unidentified, WardenError
from warden.core.findings import Finding, Verdict
from warden.core.openbao.api import UNSEAL, Health, Identity
from warden.core.openbao.rights import Right, Scope, Verb, missing, rights_of
from warden.ports.vault import Vault
from warden.usecases.doctor_cluster import There, look_there

PROBE_HEADER = "x-lane-probe"
EXPIRES_SOON = 600
"""Seconds; a token with less left is worth a word."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen on this machine before the server was asked.

    Attributes:
        source: the variable that the address came from.
        tls: whether the connection is https (then it is verified).
        journal: path of the journal; ``journal_fault`` says why it cannot be written, empty where it can.
        platform: the platform directory; empty where none was found, and ``platform_fault`` says why.
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
    audit: str
    readable: Callable[[str], bool]
    clusters: Sequence[There] = ()


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller lacks for one verb; ``asked`` is false where the server could not say."""

    verb: Verb
    asked: bool
    missing: tuple[Right, ...]
    hint: str = ""

    @property
    def lacking(self) -> tuple[Right, ...]:
        """The missing rights that the verb does not work without."""
        return tuple(right for right in self.missing if not right.optional)


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found."""

    address: str
    source: str
    answered: bool
    findings: tuple[Finding, ...]
    reaches: tuple[Reach, ...]

    @property
    def exit(self) -> Exit:
        """DONE, NO where something is missing, INCONCLUSIVE where the server could not answer."""
        if not self.answered:
            return Exit.INCONCLUSIVE
        wanting = any(finding.verdict == "missing" for finding in self.findings)
        return Exit.NO if wanting or any(not reach.asked or reach.lacking for reach in self.reaches) else Exit.DONE


def doctor(vault: Vault, here: Surroundings, scope: Scope, verbs: Sequence[Verb]) -> Diagnosis:
    """Look at everything; only what keeps the server from answering at all ends it early. Raises nothing of its own."""
    answered, server = _server(vault, here)
    identity = _identity(vault) if answered else None
    findings = [
        *server,
        *([identity] if identity else []),
        *(_audit(vault, here) if identity and identity.verdict != "missing" else _audit_from_here(here)),
        *_own(here),
        *(finding for each in here.clusters for finding in look_there(each, verbs)),
    ]
    known = identity is not None and identity.verdict != "missing"
    return Diagnosis(
        address=vault.address,
        source=here.source,
        answered=answered,
        findings=tuple(findings),
        reaches=_reaches(vault, scope, verbs) if known else _not_asked(verbs),
    )


def _server(vault: Vault, here: Surroundings) -> tuple[bool, list[Finding]]:
    try:
        health = vault.health()
    except Inconclusive as fault:
        hint = (
            f"start it (the embedded one: warden dev up), or correct {here.source};"
            " behind a CA of your own: export BAO_CACERT=FILE"
        )
        return False, [Finding(about="server", verdict="missing", text=_bare(fault), hint=hint)]
    transport = "https, certificate verified" if here.tls else "plain http, which stays on this machine"
    return not health.sealed and health.initialized, [
        _state(health),
        Finding(about="transport", verdict="ok", text=transport),
    ]


def _state(health: Health) -> Finding:
    version = f"OpenBao {health.version}"
    if not health.initialized:
        return Finding(
            about="server", verdict="missing", text=f"{version} is not initialised", hint="bao operator init"
        )
    if health.sealed:
        return Finding(about="server", verdict="missing", text=f"{version} is sealed", hint=UNSEAL)
    role = "standby, passes requests on" if health.standby else "active"
    return Finding(about="server", verdict="ok", text=f"{version}, initialised, unsealed, {role}")


def _identity(vault: Vault) -> Finding:
    try:
        who = vault.identity()
    except (Unidentified, Inconclusive) as fault:
        return Finding(about="identity", verdict="missing", text=_bare(fault), hint=fault.hint)
    except Refused as fault:  # a token without the policy `default` may not even look itself up
        return Finding(about="identity", verdict="unknown", text=_bare(fault), hint="add the policy default")
    role = f", role {who.role}" if who.role else ""
    at = f"auth/{who.mount}" if who.mount else "no login (made by another token)"
    verdict: Verdict = "soon" if 0 < who.ttl < EXPIRES_SOON else "ok"
    hint = "log in again before a long command" if verdict == "soon" else ""
    return Finding(about="identity", verdict=verdict, text=f"{who.display_name} · {at}{role} · {_left(who)}", hint=hint)


def _bare(fault: WardenError) -> str:
    """The message without the system in front: the finding stands below its name."""
    return fault.message.removeprefix(f"{fault.system} ")


def _left(who: Identity) -> str:
    if not who.ttl:
        return "does not expire"
    hours, minutes = divmod(who.ttl // 60, 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left" if minutes else f"{who.ttl} s left"


def _audit(vault: Vault, here: Surroundings) -> Iterator[Finding]:
    yield _header(vault)
    try:
        files = vault.audit_files()
    except (Refused, Inconclusive):
        yield from _audit_from_here(here)
        return
    if not files:
        yield Finding(
            about="audit lines",
            verdict="missing",
            text="no audit device writes to a file, so there is no evidence to join a probe with",
            hint='declare one in the server\'s configuration: audit "file" "file" { options { file_path = "…" } }',
        )
    for path in files:
        yield _audit_file(path, here)


def _header(vault: Vault) -> Finding:
    about = "probe header"
    try:
        registered = PROBE_HEADER in vault.audit_headers()
    except (Refused, Inconclusive):
        text = "not allowed to look whether X-Lane-Probe is written to the audit log (needs sudo)"
        hint = "have an administrator run this, or grant: warden doctor --policy doctor"
        return Finding(about=about, verdict="unknown", text=text, hint=hint)
    if registered:
        return Finding(about=about, verdict="ok", text="X-Lane-Probe is written to the audit log in clear")
    return Finding(
        about=about,
        verdict="missing",
        text="X-Lane-Probe is not written to the audit log, so no probe can be tied to its line",
        hint="bao write sys/config/auditing/request-headers/X-Lane-Probe hmac=false",
    )


def _audit_file(path: str, here: Surroundings) -> Finding:
    if here.readable(here.audit or path):
        seen_as = f", read here as {here.audit}" if here.audit and here.audit != path else ""
        return Finding(about="audit lines", verdict="ok", text=f"{path} (readable from here{seen_as})")
    return Finding(
        about="audit lines",
        verdict="missing",
        text=f"{path} on the server; {here.audit or 'it'} cannot be read from here, so nothing can be proven",
        hint='export WARDEN_AUDIT=FILE-OR-DIRECTORY, or: warden prove LANE --audit-command "ssh bao cat …"',
    )


def _audit_from_here(here: Surroundings) -> Iterator[Finding]:
    """What can be said where the server does not say where its audit lines are."""
    if here.audit:
        yield _audit_file(here.audit, here)
        return
    yield Finding(
        about="audit lines",
        verdict="unknown",
        text="the server was not, or may not be, asked where it writes them (needs sudo on sys/audit)",
        hint="export WARDEN_AUDIT=FILE-OR-DIRECTORY where the lines can be read",
    )


def _own(here: Surroundings) -> Iterator[Finding]:
    if here.journal_fault:
        hint = "every effect is recorded first: make room or rights there, or export WARDEN_JOURNAL=FILE"
        yield Finding(about="journal", verdict="missing", text=here.journal_fault, hint=hint)
    else:
        yield Finding(about="journal", verdict="ok", text=f"{here.journal} (writable)")
    if here.platform:
        yield Finding(about="platform", verdict="ok", text=here.platform)
    else:
        hint = "warden --platform DIR …, or make one: warden init DIR"
        yield Finding(about="platform", verdict="missing", text=here.platform_fault, hint=hint)


def _reaches(vault: Vault, scope: Scope, verbs: Sequence[Verb]) -> tuple[Reach, ...]:
    wanted = {verb: rights_of(verb, scope) for verb in verbs}
    paths = sorted({right.sample for rights in wanted.values() for right in rights})
    try:
        held = vault.own_capabilities(paths)
    except (Refused, Inconclusive):
        return _not_asked(verbs)
    return tuple(_reach(verb, missing(rights, held)) for verb, rights in wanted.items())


def _reach(verb: Verb, lacks: tuple[Right, ...]) -> Reach:
    hint = f"warden doctor --policy {verb}" if any(not right.optional for right in lacks) else ""
    return Reach(verb=verb, asked=True, missing=lacks, hint=hint)


def _not_asked(verbs: Sequence[Verb]) -> tuple[Reach, ...]:
    return tuple(Reach(verb=verb, asked=False, missing=(), hint="settle what is missing above first") for verb in verbs)
