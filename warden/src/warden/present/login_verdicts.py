"""Verdicts of logins in words: the title of each, and what is behind it."""

from collections.abc import Mapping

from warden.core.proofs.details import NoAuditLine, NobodyElse, NotLookedAt, OtherWayIn, UnclearReply
from warden.core.ssh.login_proof import (
    FromElsewhere,
    KeyNotHere,
    LoginDetail,
    LoginProbe,
    LoginVerdict,
    NobodyPlayed,
    NoLogLine,
    NotAnswered,
    OtherOutput,
    OtherReason,
)
from warden.core.ssh.sshd_log import Reason
from warden.core.unobserved import Unobserved
from warden.present import other_ways
from warden.present.details import describe_detail

TITLES: Mapping[LoginProbe, str] = {
    "signed": "an identity gets the certificate, as decided",
    "logs-in": "its certificate logs in",
    "control": "one by a throw-away CA logs in",
    "other-principal": "another principal",
    "other-actor": "a certificate of {subject}",
    "other-account": "its certificate, at the account {subject}",
    "expired": "an expired certificate",
    "not-yet-valid": "a certificate that is not valid yet",
    "other-source": "a certificate for other source addresses",
    "other-command": "another forced command",
    "no-command": "without the forced command nothing else runs",
    "revoked": "its certificate, revoked",
    "other-ca": "a certificate by another CA",
    "host-certificate": "a host certificate",
    "other-key": "the certificate with another key",
    "signer-no-token": "OpenBao signs it without a token",
    "signer-key": "OpenBao signs a key that is not listed",
    "signer-principal": "OpenBao signs another principal",
    "signer-ttl": "OpenBao signs a second longer",
    "signer-options": "OpenBao signs it without its options",
    "signer-extensions": "OpenBao signs another extension",
    "signer-host": "OpenBao signs a host certificate",
    "signer-actor": "OpenBao signs it for {subject}",
    "nobody-else": "nobody else can have it signed",
}

REASONS: Mapping[Reason, str] = {
    "principal": "the account has none of its principals",
    "expired": "it has expired",
    "not-yet-valid": "it is not valid yet",
    "source-address": "it is for other source addresses",
    "command-differs": "its forced command is not the host's",
    "revoked": "it is revoked",
    "not-a-user-certificate": "it is not a user certificate",
    "option": "sshd does not know one of its options",
    "account": "the account may not log in",
    "not-listed": "sshd trusts neither its CA nor the key",
}


def title(verdict: LoginVerdict) -> str:
    """What was tried."""
    if isinstance(verdict.detail, OtherWayIn):
        return f"nobody else can have it signed: {verdict.subject}"
    if isinstance(verdict.detail, NotLookedAt):
        return f"nobody else has it signed through {other_ways.subject_words(verdict.detail)}"
    return TITLES[verdict.probe].format(subject=verdict.subject)


def explanation(verdict: LoginVerdict) -> str:
    """What is behind it, as a clause; empty where that is plain."""
    if isinstance(verdict.detail, OtherWayIn):
        return other_ways.way_in(verdict.detail, other_ways.OF_SIGNING)
    if verdict.detail is not None:
        return _clause(verdict.detail)
    if verdict.result == "wrong" and verdict.expected == "allowed":
        return f"refused, although it should log in: {REASONS[verdict.reason or 'not-listed']}"
    if verdict.result == "wrong":
        return "the host let it in" if not verdict.status else "OpenBao signed it; what it signed was thrown away"
    if verdict.result == "inconclusive" and verdict.expected == "refused":
        return "refused, but so is the certificate that should log in, so this shows nothing"
    return ""


def _clause(detail: LoginDetail) -> str:  # noqa: PLR0911 - one line for each kind
    match detail:
        case NoLogLine():
            return "sshd's log has no line with the serial, so it does not count; sshd needs LogLevel VERBOSE"
        case OtherReason():
            return f"refused for another reason: {REASONS[detail.reason]}; not counted"
        case NobodyPlayed():
            who = ", ".join(detail.identities)
            if detail.people:
                return f"needs a person: only {who} can have it signed"
            return f"nothing was signed: none of its identities can be had here ({who or 'it has none'})"
        case KeyNotHere():
            return "not tried: only the keys in the inventory are signed for it, and their private halves are not here"
        case FromElsewhere():
            return f"sshd accepts it for logins from {detail.addresses}; this login came from another address"
        case OtherOutput():
            return "the host ran something else than its forced command"
        case NotAnswered():
            return f"the host gave no answer: {detail.said or 'ssh said nothing'}; not counted as a refusal"
        case NobodyElse() | OtherWayIn() | NotLookedAt() | Unobserved() | NoAuditLine() | UnclearReply():
            return describe_detail(detail)
