"""The ports KrlBuilder and KrlVerifier on ssh-keygen: what it writes and reads is what sshd reads.

ssh-keygen(1), *-k*, *-Q*, *-Y verify* and *KEY REVOCATION LISTS*. A KRL of several CAs is made a section at a time:
``-s`` names one CA for all that is specified, ``-u`` adds to what is there, ``-s none`` means every CA.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from warden.adapters.ssh.programs import Ended, NotRun, run
from warden.core.errors import Effect, Inconclusive
from warden.core.ssh.krl import NAMESPACE, SIGNER, Section, SignedKrl, head

_SYSTEM = "ssh-keygen"
_KEEPS_MEMORY = {"MALLOC_TOP_PAD_": str(1 << 26), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}
"""mallopt(3): without it glibc gives the heap's end back and takes it again for each serial, which is two thirds of the
time for 100,000 of them (measured, OpenSSH 9.2)."""


class SshKeygenKrl:
    """Makes KRLs."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def build(self, sections: Sequence[Section], version: int) -> bytes:
        """The KRL of these sections; without any, one that revokes nothing."""
        with _folder() as folder:
            made = os.path.join(folder, "krl")
            for number, each in enumerate(sections or (Section(),)):
                self._add(folder, made, each, version, update=number > 0)
            with open(made, "rb") as file:
                content = file.read()
        found = head(content)
        if found is None or found.version != version:
            raise _inconclusive("ssh-keygen did not make a KRL of that version")
        return content

    def _add(self, folder: str, made: str, section: Section, version: int, *, update: bool) -> None:
        authority = "none"
        if section.authority_key:
            authority = _written(folder, "ca.pub", f"{section.authority_key}\n")
        lines = [f"hash: {key}\n" for key in section.keys] + [f"serial: {serial}\n" for serial in section.serials]
        listed = _written(folder, "specification", "".join(lines))
        added = ("-u",) if update else ()
        argv = ["ssh-keygen", "-q", "-k", *added, "-f", made, "-s", authority, "-z", str(version), listed]
        done = _run(argv, {**self._environ, **_KEEPS_MEMORY})
        if done.code:
            raise _inconclusive(f"ssh-keygen could not make the KRL ({done.last_words})")


class SshKeygenVerifier:
    """Checks KRLs by a file of allowed signers, which the host's owner wrote."""

    def __init__(self, signers: str, environ: Mapping[str, str] = os.environ) -> None:
        self._signers = signers
        self._environ = environ

    def readable(self, krl: bytes) -> bool:
        """``ssh-keygen -Q -l`` reads all of it."""
        with _folder() as folder:
            file = _written(folder, "krl", krl)
            return _run(["ssh-keygen", "-Q", "-l", "-f", file], self._environ).code == 0

    def signed(self, found: SignedKrl) -> bool:
        """``ssh-keygen -Y verify`` for the signer and the namespace of KRLs."""
        if not os.access(self._signers, os.R_OK):
            raise _inconclusive(f"{self._signers} cannot be read, and it says whose KRLs are believed")
        with _folder() as folder:
            signature = _written(folder, "signature", found.signature)
            verify = ["ssh-keygen", "-Y", "verify", "-f", self._signers, "-I", SIGNER, "-n", NAMESPACE, "-s", signature]
            return _run(verify, self._environ, found.krl).code == 0


@contextmanager
def _folder() -> Iterator[str]:
    """A folder for what ssh-keygen reads and writes. Raises `Inconclusive` where it cannot be used (a full disk)."""
    try:
        with tempfile.TemporaryDirectory(prefix="warden-") as folder:
            yield folder
    except OSError as fault:
        raise _inconclusive(f"no temporary file can be written ({os.strerror(fault.errno or 0).lower()})") from None


def _written(folder: str, name: str, content: str | bytes) -> str:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def _run(argv: Sequence[str], environ: Mapping[str, str], given: bytes = b"") -> Ended:
    try:
        return run(argv, environ, given)
    except NotRun as fault:
        raise _inconclusive(str(fault)) from None


def _inconclusive(problem: str) -> Inconclusive:
    return Inconclusive(problem, effect=Effect.NOTHING_CHANGED, system=_SYSTEM)
