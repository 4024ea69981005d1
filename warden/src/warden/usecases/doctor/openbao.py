"""What doctor asks OpenBao: how it is, who the caller is, whether its audit log can be evidence, and the rights."""

from collections.abc import Sequence

from warden.core.errors import Inconclusive, Refused, Unidentified
from warden.core.findings import Finding, LoggedIn, NoAnswer, ProbeHeader, ServerState, Transport, VerbRights
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import Verb, missing, rights_of
from warden.ports.vault import Vault

PROBE_HEADER = "x-lane-probe"
EXPIRES_SOON = 600
"""Seconds; a token with less left may end during a long command."""


def examine_server(vault: Vault, *, source: str, tls: bool) -> tuple[bool, list[Finding]]:
    """Whether OpenBao can be asked more, and how it is."""
    try:
        health = vault.health()
    except Inconclusive as fault:
        return False, [Finding("server", "missing", NoAnswer(fault, source))]
    usable = health.initialized and not health.sealed
    return usable, [
        Finding("server", "ok" if usable else "missing", ServerState(health)),
        Finding("transport", "ok", Transport(tls)),
    ]


def examine_identity(vault: Vault) -> Finding:
    """Who the caller is; a token without the policy ``default`` may not even look itself up."""
    try:
        who = vault.identity()
    except (Unidentified, Inconclusive) as fault:
        return Finding("identity", "missing", NoAnswer(fault))
    except Refused as fault:
        return Finding("identity", "unknown", NoAnswer(fault))
    return Finding("identity", "soon" if 0 < who.ttl < EXPIRES_SOON else "ok", LoggedIn(who))


def examine_audit(vault: Vault) -> tuple[Finding, tuple[str, ...] | None]:
    """Whether the probe header is recorded, and the files that audit devices write; ``None`` where that is not said."""
    try:
        registered = PROBE_HEADER in vault.audit_headers()
        header = Finding("probe header", "ok" if registered else "missing", ProbeHeader(registered))
    except (Refused, Inconclusive):
        header = Finding("probe header", "unknown", ProbeHeader(None))
    try:
        return header, vault.audit_files()
    except (Refused, Inconclusive):
        return header, None


def verb_rights(vault: Vault, scope: Scope, verbs: Sequence[Verb]) -> tuple[VerbRights, ...]:
    """What the caller lacks for each verb, by one question about its own capabilities."""
    wanted = {verb: rights_of(verb, scope) for verb in verbs}
    paths = sorted({right.sample for rights in wanted.values() for right in rights})
    try:
        held = vault.own_capabilities(paths)
    except (Refused, Inconclusive):
        return not_asked(verbs)
    return tuple(VerbRights(verb=verb, asked=True, missing=missing(rights, held)) for verb, rights in wanted.items())


def not_asked(verbs: Sequence[Verb]) -> tuple[VerbRights, ...]:
    """The verbs, of which nothing is known."""
    return tuple(VerbRights(verb=verb, asked=False) for verb in verbs)
