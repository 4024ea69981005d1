"""The port Signatures on ssh-keygen: ``-Y sign`` with the caller's key, ``-Y verify`` against allowed_signers.

ssh-keygen(1), *-Y sign*, *-Y verify*, *-Y check-novalidate*; the signature's format is PROTOCOL.sshsig. A key is a file
or one in the agent. Which one it is follows from allowed_signers: a key that is not in there decides nothing.
"""

import base64
import os
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.ssh.allowed_signers import Signer, read
from warden.adapters.ssh.programs import Ended, NotRun, run
from warden.core.changes.flaws import BadSignature, NotASignature, NotVerified, OtherNamespace, UnknownKey
from warden.core.changes.request import Decision
from warden.core.changes.statement import (
    NAMESPACE,
    armoured,
    fingerprint,
    read_signature,
    statement,
    without_armour,
)
from warden.core.changes.verdict import Checked
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden

_DEFAULT_KEYS = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
"""What ssh(1) tries, in ``~/.ssh``."""
_SYSTEM = "ssh-keygen"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller named: a key's file, and the name in allowed_signers to sign as."""

    key: str | None = None
    name: str | None = None


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key that may sign: its public half (type and base64), and the file it was named by; empty: in the agent."""

    public: str
    file: str = ""

    @property
    def blob(self) -> str:
        return self.public.split()[1]


class SshSignatures:
    """Signatures by the caller's SSH key; see the port.

    Args:
        allowed: the file of allowed signers.
        environ: names the agent (SSH_AUTH_SOCK) and the home directory.
        named: what the command line names.
    """

    def __init__(self, allowed: str, environ: Mapping[str, str], named: Named | None = None) -> None:
        self._allowed = allowed
        self._environ = environ
        self._named = named or Named()

    # -- signing ------------------------------------------------------------------------------------------------------

    def knows(self, name: str) -> bool:
        """Whether a line is for that name, or for a pattern that it fits."""
        try:
            return any(fnmatchcase(name, each) for signer in read(self._allowed) for each in signer.names)
        except NotUsable:
            return False

    def signer(self) -> str:
        """The name in allowed_signers that the caller's key has there."""
        return self._chosen[1]

    def sign(self, payload: bytes) -> str:
        """Sign with that key; what comes out is verified before anybody sees it."""
        key, _ = self._chosen
        with tempfile.TemporaryDirectory(prefix="warden-") as folder:
            file = key.file
            if not file:
                file = os.path.join(folder, "key.pub")
                _write(file, f"{key.public}\n".encode())
            done = self._run(["ssh-keygen", "-Y", "sign", "-f", file, "-n", NAMESPACE], payload, asks=True)
        text = without_armour(done.out.decode("ascii", "replace"))
        if done.code or read_signature(text) is None:
            raise _usage(f"the key {key.file or 'in the agent'} did not sign: {_said(done)}", self._allowed)
        return text

    @cached_property
    def _chosen(self) -> tuple[_Key, str]:
        """The caller's key and the name that it has in allowed_signers. Raises `UsageError`."""
        signers = self._signers()
        keys = [self._key_of(self._named.key)] if self._named.key else self._own_keys()
        owned = [(key, signer) for key in keys for signer in signers if signer.key == key.blob]
        if self._named.name:
            return self._named_one(keys, owned)
        found = {name: key for key, signer in owned for name in signer.plain}
        if len(found) == 1:
            ((name, key),) = found.items()
            return key, name
        if found:
            raise _usage(
                f"your keys are those of {', '.join(sorted(found))} in {self._allowed}",
                self._allowed,
                "name one with --as NAME",
            )
        if not keys:
            hint = "make one, or name a key with --key FILE"
            raise _usage("you have no SSH key in an agent or in ~/.ssh", self._allowed, hint)
        which = f"the key {self._named.key} is not" if self._named.key else "none of your SSH keys is"
        raise _usage(f"{which} in {self._allowed}", self._allowed, "add its line there, or name a key with --key FILE")

    def _named_one(self, keys: Sequence[_Key], owned: Sequence[tuple[_Key, Signer]]) -> tuple[_Key, str]:
        name = self._named.name or ""
        for key, signer in owned:
            if name in signer.names or not signer.plain:
                return key, name
        if len(keys) == 1 and self._named.key:  # a certificate's authority may be what is listed: verify decides
            return keys[0], name
        raise _usage(f"none of your SSH keys is one of {name} in {self._allowed}", self._allowed)

    def _signers(self) -> Sequence[Signer]:
        try:
            return read(self._allowed)
        except NotUsable as fault:
            raise _usage(
                f"{self._allowed} cannot be read ({fault})",
                self._allowed,
                "it has a line for each person who may decide: NAME KEYTYPE KEY (ssh-keygen(1), ALLOWED SIGNERS)",
            ) from None

    def _key_of(self, path: str) -> _Key:
        """The public half of the key in that file, whichever half it is."""
        path = os.path.expanduser(path)
        for candidate in (path, f"{path}.pub"):
            if public := _public_in(candidate):
                return _Key(public=public, file=path)
        done = self._run(["ssh-keygen", "-y", "-f", path], asks=True)
        if done.code:
            raise _usage(
                f"{path} is not an SSH key that can be used: {_said(done)}", path, "name another file with --key"
            )
        return _Key(public=done.out.decode("ascii", "replace").strip(), file=path)

    def _own_keys(self) -> list[_Key]:
        """Those of the agent, and those that ssh(1) would try."""
        home = self._environ.get("HOME") or os.path.expanduser("~")
        files = [os.path.join(home, ".ssh", name) for name in _DEFAULT_KEYS]
        in_files = [_Key(public=public, file=path) for path in files if (public := _public_in(f"{path}.pub"))]
        in_agent = [_Key(public=line) for line in self._agent() if len(line.split()) > 1]
        known = {key.blob for key in in_agent}
        return [*in_agent, *(key for key in in_files if key.blob not in known)]

    def _agent(self) -> Sequence[str]:
        if not self._environ.get("SSH_AUTH_SOCK"):
            return ()
        try:
            done = run(["ssh-add", "-L"], self._environ)
        except NotRun:
            return ()
        return done.out.decode("utf-8", "replace").splitlines() if done.code == 0 else ()

    def _run(self, argv: Sequence[str], given: bytes = b"", *, asks: bool = False) -> Ended:
        try:
            return run(argv, self._environ, given, asks=asks)
        except NotRun as fault:
            raise UsageError(str(fault), effect=Effect.NOTHING_DONE, system=_SYSTEM) from None

    # -- checking -----------------------------------------------------------------------------------------------------

    def check(self, decision: Decision) -> Checked:
        """Whether the signature is that person's, made for this purpose, under this very decision."""
        found = read_signature(decision.signature)
        if found is None:
            return Checked(decision=decision, flaw=NotASignature())
        if found.namespace != NAMESPACE:
            return Checked(decision=decision, key=found.key, flaw=OtherNamespace(found.namespace))
        try:
            return Checked(decision=decision, key=found.key, flaw=self._verified(decision, found.key))
        except NotRun as fault:
            return Checked(decision=decision, key=found.key, flaw=NotVerified(str(fault)))

    def _verified(self, decision: Decision, key: str) -> BadSignature | UnknownKey | NotVerified | None:
        try:
            read_bytes(self._allowed)
        except NotUsable as fault:
            return NotVerified(f"{self._allowed} cannot be read ({fault})")
        payload = statement(decision)
        with tempfile.TemporaryDirectory(prefix="warden-") as folder:
            signature = os.path.join(folder, "signature")
            _write(signature, armoured(decision.signature).encode())
            verify = ["ssh-keygen", "-Y", "verify", "-f", self._allowed, "-I", decision.by, "-n", NAMESPACE]
            if run([*verify, "-s", signature], self._environ, payload).code == 0:
                return None
            whole = ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACE, "-s", signature]
            intact = run(whole, self._environ, payload).code == 0
        return UnknownKey(key) if intact else BadSignature()


def _public_in(path: str) -> str:
    """``TYPE BASE64`` of the public key in the file; empty where there is none."""
    try:
        words = read_bytes(path).decode("ascii", "replace").split(None, 2)
    except NotUsable:
        return ""
    is_key = len(words) > 1 and _fingerprint(words[1]) and words[1].startswith("AAAA")
    return " ".join(words[:2]) if is_key else ""


def _fingerprint(key: str) -> str:
    try:
        return fingerprint(base64.b64decode(key, validate=True))
    except ValueError:
        return ""


def _write(path: str, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)


def _said(done: Ended) -> str:
    lines = [line.strip() for line in done.err.splitlines() if line.strip() and "Signing data" not in line]
    return lines[-1].rstrip(".\r") if lines else f"ssh-keygen ended with code {done.code}"


def _usage(problem: str, subject: str, hint: str = "") -> UsageError:
    remedy = () if hint else (warden("change list"),)
    return UsageError(problem, effect=Effect.NOTHING_DONE, system=_SYSTEM, subject=subject, hint=hint, remedy=remedy)
