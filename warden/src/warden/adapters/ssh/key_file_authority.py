"""The port CertificateAuthority on a CA key in a file, in OpenSSH's own format; signed in this process."""

from __future__ import annotations

import os
import secrets
import stat
from functools import cached_property
from typing import TYPE_CHECKING

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError
from warden.core.inventory.public_keys import PublicKeyBlob, public_key
from warden.core.remedies import RunProgram
from warden.core.ssh.errors import AuthorityUnusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.ssh import SSHCertPrivateKeyTypes

    from warden.core.ssh.certificate import CertificateSpec


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
        private, authority = self._loaded
        if key.type.startswith("sk-"):  # which the library does not certify
            return self._by_keygen(spec, authority)
        return certified(spec, private)

    def _by_keygen(self, spec: CertificateSpec, authority: PublicKeyBlob) -> str:
        from warden.adapters.ssh.keygen import NotSigned, certify  # for these keys alone

        try:
            return certify(spec, authority.line, [], os.environ, key_file=os.path.abspath(self._path))
        except NotSigned as fault:
            raise self._unusable(f"did not sign ({fault})") from None

    def public_keys(self) -> tuple[str, ...]:
        """See the port."""
        return (self._loaded[1].line, *self._also)

    def expect_key(self) -> None:
        """Also that the public key beside it, which people copy to hosts, is its own."""
        _, authority = self._loaded
        try:
            beside = public_key(read_bytes(f"{self._path}.pub", 1 << 16).decode("utf-8", "replace"))
        except NotUsable:
            return
        if beside is not None and beside.line != authority.line:
            own = RunProgram(("ssh-keygen", "-y", "-f"), (self._path,))
            raise self._unusable(f"is not the key of {self._path}.pub, which hosts may trust", own)

    @cached_property
    def _loaded(self) -> tuple[SSHCertPrivateKeyTypes, PublicKeyBlob]:
        """The private key, and its public half."""
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
            raise self._unusable(
                "can be read by others; its mode has to be 0600", RunProgram(("chmod", "600"), (self._path,))
            )
        try:
            return _pair(load_ssh_private_key(content, None))
        except TypeError:
            raise self._unusable("has a passphrase; load it into ssh-agent and declare `agent:` instead") from None
        except (ValueError, UnsupportedAlgorithm):
            raise self._unusable("is not a private key that signs certificates") from None

    def _unusable(self, why: str, *remedy: RunProgram) -> UsageError:
        problem = AuthorityUnusable(where=self.where, why=why)
        return UsageError(problem, effect=Effect.NOTHING_SIGNED, system="authority", subject=self.where, remedy=remedy)


def _pair(key: object) -> tuple[SSHCertPrivateKeyTypes, PublicKeyBlob]:
    """The key and its public half. Raises `ValueError` where it signs no certificates."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("no type that signs certificates")  # noqa: TRY004 - the file has it, not a caller
    public = public_key(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
    if public is None:
        raise ValueError("no public key")
    return key, public


def certified(spec: CertificateSpec, private: SSHCertPrivateKeyTypes) -> str:
    """The certificate, by the library (*SSHCertificateBuilder*)."""
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificateBuilder,
        SSHCertificateType,
        load_ssh_public_key,
    )

    builder = (
        SSHCertificateBuilder()
        .public_key(load_ssh_public_key(spec.public_key.encode()))  # type: ignore[arg-type]  # DSA is refused before
        .serial(spec.serial or secrets.randbits(63) or 1)
        .type(SSHCertificateType.USER if spec.type == "user" else SSHCertificateType.HOST)
        .key_id(spec.key_id.encode())
        .valid_principals([each.encode() for each in spec.principals])
        .valid_after(spec.valid_after)
        .valid_before(spec.valid_before)
    )
    for name, value in sorted(spec.critical_options.items()):
        builder = builder.add_critical_option(name.encode(), value.encode())
    for name in sorted(spec.extensions):
        builder = builder.add_extension(name.encode(), b"")
    return builder.sign(private).public_bytes().decode()
