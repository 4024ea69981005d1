"""The port Signer on an SSH key file, as ``ssh-keygen -t ed25519`` makes it.

The file must belong to the caller and be readable by nobody else, as OpenSSH demands it of a private key.
"""

import os
import stat
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import UsageError
from warden.core.public_key import PublicKey
from warden.core.remedies import RunProgram

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LARGEST = 64 * 1024
"""Bytes; a key of any type takes less."""
_MAKE = ("this makes one", RunProgram(("ssh-keygen", "-t", "ed25519", "-N", "", "-f"), ("FILE",)))


class SshKeySigner:
    """The private key in `path`, read at the first use."""

    def __init__(self, path: str) -> None:
        self._path = os.path.expanduser(path)
        self.where = f"SSH key {self._path}"

    @property
    def key_id(self) -> str:
        """The fingerprint of its public key."""
        return self._public.id

    def sign(self, payload: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032) of these bytes: not ssh-keygen's format of one."""
        return self._key.sign(payload)

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Its one public key."""
        return (self._public,)

    @property
    def _public(self) -> PublicKey:
        return PublicKey(self._key.public_key().public_bytes_raw())

    @cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.exceptions import UnsupportedAlgorithm  # 80 ms, only where something is signed
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as above
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key  # as above

        try:
            self._expect_private()
            key = load_ssh_private_key(read_bytes(self._path, LARGEST), password=None)
        except NotUsable as fault:
            self._refuse(f"cannot be read ({fault})", "name another in platform.yaml (signing.ssh_key)")
        except OSError as fault:
            problem = f"cannot be read ({os.strerror(fault.errno or 0).lower()})"
            self._refuse(problem, "name another in platform.yaml (signing.ssh_key)")
        except TypeError:  # how cryptography says that it needs a password
            self._refuse(
                "is encrypted with a passphrase, which nobody is asked for", "use one without, or a transit key"
            )
        except (ValueError, UnsupportedAlgorithm):
            self._refuse("is not a private key of OpenSSH", *_MAKE)
        if not isinstance(key, Ed25519PrivateKey):
            self._refuse("is not of type ed25519", *_MAKE)
        return key

    def _expect_private(self) -> None:
        found = os.stat(self._path)
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            keep = RunProgram(("chmod", "600"), (self._path,))
            self._refuse("can be read by others", "keep it to yourself, and replace it if somebody has read it", keep)
        if found.st_uid not in {0, os.geteuid()}:
            self._refuse("belongs to somebody else", "name a key of your own in platform.yaml (signing.ssh_key)")

    def _refuse(self, problem: str, hint: str, *remedy: RunProgram) -> NoReturn:
        raise UsageError(f"{self.where} {problem}", system="signing key", subject=self._path, hint=hint, remedy=remedy)
