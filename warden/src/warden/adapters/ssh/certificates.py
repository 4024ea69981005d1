"""The port Certificates on the library cryptography (*SSH certificates*; OpenSSH, PROTOCOL.certkeys and PROTOCOL.u2f).

The library reads a key of a security token (``sk-``) as the key in it, without the application that it is for: what is
certified is taken from the certificate's bytes for every type, as it stands there. Certificates of such keys it reads
only under another name of their type, which their signature does not cover; ssh-keygen verifies that.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from warden.core.errors import Effect, Inconclusive, UsageError
from warden.core.inventory.public_keys import CERTIFICATE, FIELDS, PublicKeyBlob, certified_type, public_key
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.errors import BadCertificate, BadPublicKey, KeyFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertPublicKeyTypes

LARGEST = 1 << 16
"""Bytes of a line: a key of 16,384 bits with 256 principals is smaller."""
SMALLEST_RSA = 2048
"""Bits; NIST SP 800-57. OpenSSH takes 1024 at least (RequiredRSASize)."""
_SHA1 = "ssh-rsa"
_NOT_ONE = "not a certificate of OpenSSH"
_OF_TOKENS = "sk-"


class SshCertificates:
    """See the port."""

    def parse(self, line: str) -> Certificate:
        """See the port."""
        text = " ".join(line.split()[:2])
        found = _loaded(text)
        authority = _signed_by(found, text)
        certified = _certified(text)
        if certified is None:
            raise _unreadable(_NOT_ONE)
        return Certificate(
            line=text,
            type="user" if found.type.value == 1 else "host",
            public_key=certified.line,
            fingerprint=certified.fingerprint,
            authority=_blob(authority).fingerprint,
            serial=found.serial,
            key_id=_text(found.key_id),
            principals=tuple(_text(each) for each in found.valid_principals),
            valid_after=found.valid_after,
            valid_before=found.valid_before,
            critical_options={_text(name): _text(value) for name, value in found.critical_options.items()},
            extensions={_text(name): _text(value) for name, value in found.extensions.items()},
        )

    def public_key(self, line: str) -> str:
        """See the port."""
        return _key(line).line

    def fingerprint(self, line: str) -> str:
        """See the port."""
        return _key(line).fingerprint


def _loaded(text: str) -> SSHCertificate:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

    if len(text) > LARGEST:
        raise _unreadable("too long")
    try:
        found = load_ssh_public_identity(_as_the_library_names_it(text).encode())
    except (ValueError, NotImplementedError, UnsupportedAlgorithm) as fault:
        raise _unreadable(_NOT_ONE) from fault
    if not isinstance(found, SSHCertificate):
        raise _unreadable("a public key, not a certificate")
    return found


def _as_the_library_names_it(text: str) -> str:
    """A security token's certificate, its type with the key's whole type in it; any other as it is."""
    kind, _, body = text.partition(" ")
    if not kind.startswith(_OF_TOKENS):
        return text
    name = f"{certified_type(kind)}{CERTIFICATE}"
    blob = len(name).to_bytes(4) + name.encode() + _behind(base64.b64decode(body), 1)
    return f"{name} {base64.b64encode(blob).decode()}"


def _signed_by(found: SSHCertificate, text: str) -> SSHCertPublicKeyTypes:
    """The key of the CA. Raises `Inconclusive` where the signature is not its own."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        if text.startswith(_OF_TOKENS):
            _verify_by_keygen(text)
        else:
            found.verify_cert_signature()
        authority = found.signature_key()
    except (InvalidSignature, ValueError, NotImplementedError, UnsupportedAlgorithm):
        raise _unreadable("its signature is wrong") from None
    if isinstance(authority, RSAPublicKey):
        # The certificate ends with the signature's type and the signature, each after its length.
        before = base64.b64decode(text.partition(" ")[2])[: -4 - authority.key_size // 8]
        if before.endswith(_SHA1.encode()):
            raise _unreadable("signed with SHA-1, which OpenSSH refuses")
    return authority


def _verify_by_keygen(text: str) -> None:
    """Raise `ValueError` where ssh-keygen does not read it: it verifies the signature (cert_parse in sshkey.c).

    Nothing is taken from its listing, where text in one part can look like another part.
    """
    from warden.adapters.ssh.programs import NotRun, run

    try:
        done = run(["ssh-keygen", "-L", "-f", "-"], os.environ, f"{text}\n".encode())
    except NotRun as fault:
        raise _unreadable(f"its signature cannot be verified ({fault})") from None
    if done.code:
        raise ValueError("wrong signature")


def _blob(authority: SSHCertPublicKeyTypes) -> PublicKeyBlob:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = public_key(authority.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
    assert key is not None  # noqa: S101 - the library wrote it
    return key


def _certified(text: str) -> PublicKeyBlob | None:
    """The key that is certified: behind the type and the nonce, as many fields as its type has."""
    kind, _, body = text.partition(" ")
    plain = certified_type(kind)
    rest = _behind(base64.b64decode(body), 2)
    blob = rest[: len(rest) - len(_behind(rest, FIELDS.get(plain, 0)))]
    name = plain.encode()
    return public_key(f"{plain} {base64.b64encode(len(name).to_bytes(4) + name + blob).decode()}")


def _behind(blob: bytes, fields: int) -> bytes:
    """What follows so many fields, each after its length; nothing where there are fewer."""
    for _ in range(fields):
        blob = blob[4 + int.from_bytes(blob[:4]) :]
    return blob


def _text(raw: bytes) -> str:
    """As a text; bytes that are not UTF-8 stay apart from each other, and equal nothing that was decided."""
    return raw.decode("utf-8", "backslashreplace")


def _key(line: str) -> PublicKeyBlob:
    """The key in the line. Raises `UsageError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    if "PRIVATE KEY" in line:
        raise _unusable("private")
    if len(line) > LARGEST or "\n" in line.strip():
        raise _unusable("several-lines" if "\n" in line.strip() else "malformed")
    found = public_key(line)
    if found is None:
        raise _unusable(_kind_of_fault(line))
    try:
        loaded = load_ssh_public_key(found.line.encode())
    except (ValueError, NotImplementedError, UnsupportedAlgorithm):
        raise _unusable("malformed") from None
    if isinstance(loaded, RSAPublicKey):
        _expect_sound(loaded, found)
    return found


def _expect_sound(key: RSAPublicKey, found: PublicKeyBlob) -> None:
    """Numbers with zeros in front would give the same key another fingerprint, which no host knows it by."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if key.key_size < SMALLEST_RSA:
        raise _unusable("small")
    if key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() != found.line:
        raise _unusable("malformed")


def _kind_of_fault(line: str) -> KeyFault:
    first = next(iter(line.split()), "")
    if not first:
        return "empty"
    if first.endswith(CERTIFICATE):
        return "certificate"
    if first == "ssh-dss":
        return "dsa"
    return "malformed"


def _unusable(why: KeyFault) -> UsageError:
    return UsageError(BadPublicKey(why), effect=Effect.NOTHING_SIGNED, system="platform", subject="public key")


def _unreadable(why: str) -> Inconclusive:
    return Inconclusive(BadCertificate(why), system="certificate", subject="certificate")
