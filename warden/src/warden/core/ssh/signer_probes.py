"""What OpenBao has to refuse when an actor's own identity asks it for another certificate than the actor's.

A caller need not ask through warden, so the limits are the server's: the SSH role knows principals, validity and type,
the ACL policy denies every other option and extension. Each request differs in one thing from one that is signed; how
OpenBao 2.7.2 words its refusals was measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.inventory.inventory import NamedActor
from warden.core.inventory.public_keys import public_key as parsed
from warden.core.openbao.api import Answer, AuditLine, said_by
from warden.core.proofs.details import NoAuditLine, UnclearReply
from warden.core.quoting import quoted
from warden.core.ssh.login_proof import LoginDetail, LoginProbe, LoginVerdict
from warden.core.ssh.login_variants import LASTS, NOBODY
from warden.core.unobserved import Unobserved

DENIED = (403, "permission denied")
SIGNED = 200


class SignerProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A request to sign that has to be refused with that status, in these words; `by_nobody`: without a token."""

    probe: LoginProbe
    path: str
    body: Mapping[str, Any]
    refused: tuple[int, str]
    by_nobody: bool = False
    subject: str = ""


def signer_probes(
    actor: NamedActor, mount: str, public_key: str, other: NamedActor | None, *, played: bool
) -> Iterator[SignerProbe]:
    """What is asked: by nobody, and where the identity can be `played`, by it. `public_key` is a new one."""
    listed = actor.declared.public_keys
    right: dict[str, Any] = {
        "public_key": _plain(listed[0]) if listed else public_key,
        "valid_principals": ",".join(actor.principals),
        "cert_type": "user",
        "ttl": f"{min(LASTS, actor.ttl)}s",
    }
    path = f"{mount}/sign/{actor.name}"
    yield SignerProbe(probe="signer-no-token", path=path, body=right, refused=DENIED, by_nobody=True)
    if not played:
        return
    changes: tuple[tuple[LoginProbe, dict[str, Any], tuple[int, str]], ...] = (
        ("signer-principal", {"valid_principals": NOBODY}, (400, "not a valid value for valid_principals")),
        ("signer-ttl", {"ttl": f"{actor.ttl + 1}s"}, (400, "larger than maximum allowed")),
        ("signer-options", {"critical_options": {}}, DENIED),
        ("signer-extensions", {"extensions": {"permit-port-forwarding": ""}}, DENIED),
        ("signer-host", {"cert_type": "host"}, (400, "is not allowed by role")),
    )
    if listed:
        yield SignerProbe(probe="signer-key", path=path, body=right | {"public_key": public_key}, refused=DENIED)
    for probe, changed, refused in changes:
        yield SignerProbe(probe=probe, path=path, body=right | changed, refused=refused)
    if other:
        body = right | {"valid_principals": ",".join(other.principals)}
        elsewhere = f"{mount}/sign/{other.name}"
        yield SignerProbe(probe="signer-actor", path=elsewhere, body=body, refused=DENIED, subject=other.name)


def _plain(line: str) -> str:
    """Without its comment, as it is sent to be signed."""
    key = parsed(line)
    return line if key is None else key.line


def judge_answer(
    asked: SignerProbe,
    answer: Answer | Unobserved,
    lines: Sequence[AuditLine],
    unavailable: Unobserved | None,
    ms: float,
) -> LoginVerdict:
    """The verdict. A refusal counts only with its words, and only with its line in OpenBao's audit log."""
    found = LoginVerdict(
        probe=asked.probe,
        result="inconclusive",
        expected="refused",
        observed="no-answer",
        subject=asked.subject,
        audit=lines[0].id if lines else "",
        ms=ms,
    )
    if isinstance(answer, Unobserved):
        return msgspec.structs.replace(found, detail=answer)
    found = msgspec.structs.replace(found, status=answer.status, observed="refused", said=quoted(said_by(answer)))
    if answer.status == SIGNED and not answer.is_page:
        return msgspec.structs.replace(found, result="wrong", observed="allowed", serial=_serial(answer), said="")
    status, words = asked.refused
    if answer.is_page or answer.status != status or words not in found.said:
        return msgspec.structs.replace(found, detail=UnclearReply(answer.status, found.said))
    missing: LoginDetail | None = None if lines else unavailable or NoAuditLine()
    return msgspec.structs.replace(found, result="inconclusive" if missing else "ok", detail=missing)


def _serial(answer: Answer) -> int:
    """Of the certificate that should not be, so that it can be revoked; OpenBao writes it in hex."""
    data = answer.body.get("data")
    text = data.get("serial_number") if isinstance(data, Mapping) else None
    try:
        return int(str(text), 16)
    except ValueError:
        return 0
