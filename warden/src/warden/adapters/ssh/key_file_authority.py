"""The port CertificateAuthority on a CA key in a file, in OpenSSH's own format; signed in this process."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from typing import TYPE_CHECKING

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.ssh import signed_body
from warden.core.errors import Effect, UsageError
from warden.core.ssh.errors import AuthorityUnusable
from warden.core.ssh.public_keys import PublicKeyBlob, public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.certificate import CertificateSpec

Signature = tuple[bytes, bytes]
"""The signature's type, and the signature."""


class KeyFileAuthority:
    """A CA key in the file `path`; the file is read when something is signed.

    Args:
        path: the private key, for nobody else to read.
        also_trusted: public keys that hosts trust beside it, as lines.
    """

    def __init__(self, path: str, also_trusted: tuple[str, ...] = ()) -> None:
        self.where = path
        self._path = os.path.expanduser(path)
        self._also = also_trusted

    def sign(self, spec: CertificateSpec) -> str:
        """See the port."""
        key = public_key(spec.public_key)
        if key is None:
            raise self._unusable("was asked to sign what is not a public key")
        sign, authority = self._loaded
        body = signed_body.to_be_signed(spec, key, authority.blob, spec.serial or signed_body.new_serial())
        kind, signature = sign(body)
        return signed_body.line(key, body, signed_body.string(kind) + signed_body.string(signature))

    def public_keys(self) -> tuple[str, ...]:
        """See the port."""
        return (self._loaded[1].line, *self._also)

    @cached_property
    def _loaded(self) -> tuple[Callable[[bytes], Signature], PublicKeyBlob]:
        """What signs, and the public key."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key

        try:
            mode = os.stat(self._path).st_mode
            content = read_bytes(self._path)
        except NotUsable as fault:
            raise self._unusable(f"cannot be read ({fault})") from None
        except OSError as fault:
            raise self._unusable(f"cannot be read ({os.strerror(fault.errno or 0).lower()})") from None
        if stat.S_IMODE(mode) & 0o077:
            raise self._unusable("can be read by others; its mode has to be 0600")
        try:
            return _signing(load_ssh_private_key(content, None))
        except TypeError:
            raise self._unusable("has a passphrase; load it into ssh-agent and declare `agent:` instead") from None
        except (ValueError, UnsupportedAlgorithm):
            raise self._unusable("is not a private key that signs certificates") from None

    def _unusable(self, why: str) -> UsageError:
        problem = AuthorityUnusable(where=self.where, why=why)
        return UsageError(problem, effect=Effect.NOTHING_SIGNED, system="authority", subject=self.where)


def _signing(key: object) -> tuple[Callable[[bytes], Signature], PublicKeyBlob]:
    """How the key signs (RFC 8709; RFC 5656, section 3.1.2; RFC 8332), and its public half. Raises `ValueError`."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import ssh

    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("no type that signs certificates")  # noqa: TRY004 - the file has it, not a caller
    public = public_key(ssh.serialize_ssh_public_key(key.public_key()).decode())
    if public is None:
        raise ValueError("no public key")
    kind = public.type.encode()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return (lambda body: (kind, key.sign(body))), public
    if isinstance(key, rsa.RSAPrivateKey):
        return (lambda body: (b"rsa-sha2-512", key.sign(body, padding.PKCS1v15(), hashes.SHA512()))), public
    made_with = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]

    def by_curve(body: bytes) -> Signature:
        r, s = decode_dss_signature(key.sign(body, ec.ECDSA(made_with)))
        return kind, signed_body.string(_mpint(r)) + signed_body.string(_mpint(s))

    return by_curve, public


def _mpint(number: int) -> bytes:
    """A positive number (RFC 4251, section 5): a leading zero where its first bit would be a sign."""
    return number.to_bytes(number.bit_length() // 8 + 1)
