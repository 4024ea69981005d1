"""What a decision signs: one text for one decision, and an SSH signature under it (PROTOCOL.sshsig of OpenSSH).

The text has everything that the decision means, so that a signature fits no other request, scope, person or time. The
namespace keeps a signature that somebody made for another purpose (a Git commit, a file) from being a decision.
"""

import base64
import datetime as dt
import hashlib
import json

import msgspec

from warden.core.changes.request import Decision

NAMESPACE = "warden-change"

_MAGIC = b"SSHSIG"
_ARMOUR = "-----{} SSH SIGNATURE-----"
_COLUMNS = 70
_CERTIFICATE = b"-cert-v01@openssh.com"
_OF_TOKENS = b"@openssh.com"
_PARTS = {b"ssh-ed25519": 1, b"ssh-rsa": 2, b"ecdsa-sha2": 2, b"sk-ssh-ed25519": 2, b"sk-ecdsa-sha2": 3}
"""How many strings a public key is, behind its type."""


def statement(decision: Decision) -> bytes:
    """The bytes that are signed; the decision's own signature is not among them."""
    fields = {
        "request": decision.request,
        "decision": decision.decision,
        "digest": decision.digest,
        "by": decision.by,
        "at": written(decision.at),
        "expires": written(decision.expires) if decision.expires else "",
        "comment": decision.comment,
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in fields.items())
    return f"ops-warden decision v1\n{''.join(lines)}".encode()


def written(moment: dt.datetime) -> str:
    """A moment as files have it: ``2026-11-30T10:00:00Z``."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SshSignature(msgspec.Struct, frozen=True):
    """What an SSH signature says of itself: the fingerprint of its key, and the namespace it was made for."""

    key: str
    namespace: str


def read_signature(text: str) -> SshSignature | None:
    """The signature without its armour, read; ``None`` where it is not one."""
    try:
        blob = base64.b64decode(text, validate=True)
        if not blob.startswith(_MAGIC):
            return None
        key, rest = _string(blob[len(_MAGIC) + 4 :])
        namespace, _ = _string(rest)
        return SshSignature(fingerprint(key), namespace.decode("ascii"))
    except ValueError:  # binascii's error is one, too
        return None


def fingerprint(key: bytes) -> str:
    """The fingerprint of a public key's blob, as ``ssh-keygen -l`` prints it; of a certificate, that of the key in it.

    Raises `ValueError` where it is not one.
    """
    return "SHA256:" + base64.b64encode(hashlib.sha256(_without_certificate(key)).digest()).decode().rstrip("=")


def _without_certificate(key: bytes) -> bytes:
    """The key itself: one person may have several certificates on one key (PROTOCOL.certkeys of OpenSSH)."""
    kind, rest = _string(key)
    before, found, _ = kind.partition(_CERTIFICATE)
    if not found:
        return key
    _nonce, rest = _string(rest)
    plain = before + _OF_TOKENS if before.startswith(b"sk-") else before
    parts = [plain]
    count = _PARTS.get(before.split(b"-nistp")[0])
    if count is None:
        raise ValueError
    for _ in range(count):
        part, rest = _string(rest)
        parts.append(part)
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def armoured(text: str) -> str:
    """The signature as ``ssh-keygen`` reads it."""
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return "\n".join((_ARMOUR.format("BEGIN"), *lines, _ARMOUR.format("END"), ""))


def without_armour(text: str) -> str:
    """The signature as ``ssh-keygen`` prints it, on one line."""
    return "".join(line.strip() for line in text.splitlines() if not line.startswith("-----"))


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string of SSH's wire format (RFC 4251, 5) and what follows it. Raises `ValueError`."""
    length = int.from_bytes(data[:4])
    if len(data) < 4 + length or not length:
        raise ValueError
    return data[4 : 4 + length], data[4 + length :]
