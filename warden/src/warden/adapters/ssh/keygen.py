"""Certificates by ``ssh-keygen -s``: with a CA key in an agent or a PKCS#11 token, or of a key only it certifies.

ssh-keygen(1), *CERTIFICATES*. It reads the key to sign and writes the certificate as files; only public keys are in
them, and they are gone when this is. Times are given as ``YYYYMMDDHHMMSS``, which every OpenSSH understands, in UTC.
"""

import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.ssh.programs import Ended, NotEnded, NotRun, run
from warden.core.errors import Effect, Inconclusive, UsageError
from warden.core.inventory.public_keys import public_key
from warden.core.quoting import quoted
from warden.core.ssh.certificate import CertificateSpec

_SYSTEM = "ssh-keygen"
_KEY, _AUTHORITY, _CERTIFICATE = "key.pub", "authority.pub", "key-cert.pub"
_BAD_KEY = (f'unable to open "{_KEY}"', f'load pubkey "{_KEY}"', f"{_KEY}: invalid format")
"""What ssh-keygen says of a key of good form that is not a point of its curve, say (do_ca_sign in ssh-keygen.c)."""


class NotSigned(Exception):
    """ssh-keygen made no certificate: its last words, and all of them. It does not leave the adapters."""

    def __init__(self, done: Ended) -> None:
        super().__init__(done.last_words)
        self.said = done.err


def certify(
    spec: CertificateSpec,
    authority: str,
    where: Sequence[str],
    environ: Mapping[str, str],
    key_file: str = _AUTHORITY,
) -> str:
    """The certificate as a line. `authority` is the CA's public key, `where` the options that say where its key is.

    `key_file` is the file of its private key, where it is in one.

    Raises `NotSigned`; `UsageError` for what ssh-keygen cannot sign, `Inconclusive` where it does not end.
    """
    _expect_exact(spec)
    with tempfile.TemporaryDirectory(prefix="warden-") as folder:
        _write(os.path.join(folder, _KEY), spec.public_key)
        _write(os.path.join(folder, _AUTHORITY), authority)
        done = ask([*_argv(spec, where, key_file), _KEY], environ, folder)
        if any(words in done.err for words in _BAD_KEY):
            raise _unusable(spec, f"is not one that {_SYSTEM} signs ({done.last_words})")
        try:
            line = read_bytes(os.path.join(folder, _CERTIFICATE)).decode("ascii", "replace")
        except NotUsable:
            raise NotSigned(done) from None
    if done.code:
        raise NotSigned(done)
    return " ".join(line.split()[:2])


def ask(argv: Sequence[str], environ: Mapping[str, str], folder: str | None = None) -> Ended:
    """Run ssh-keygen or ssh-add, which may ask a person. Raises `UsageError`; `Inconclusive` where it does not end."""
    try:
        return run(argv, {**environ, "TZ": "UTC"}, asks=True, folder=folder)
    except NotEnded as fault:
        raise Inconclusive(str(fault), effect=Effect.NOTHING_SIGNED, system=_SYSTEM) from None
    except NotRun as fault:
        raise UsageError(str(fault), effect=Effect.NOTHING_SIGNED, system=_SYSTEM) from None


def _argv(spec: CertificateSpec, where: Sequence[str], key_file: str) -> list[str]:
    serial = spec.serial or secrets.randbits(63) or 1
    argv = ["ssh-keygen", "-q", *where, "-s", key_file, "-I", spec.key_id, "-n", ",".join(spec.principals)]
    argv += ["-z", str(serial), "-V", f"{_time(spec.valid_after)}:{_time(spec.valid_before)}"]
    if spec.type == "host":
        return [*argv, "-h"]
    critical = sorted(spec.critical_options.items())
    options = [f"critical:{name}={value}" if value else f"critical:{name}" for name, value in critical]
    options += [f"extension:{name}" for name in spec.extensions]
    return [*argv, "-O", "clear", *(word for option in options for word in ("-O", option))]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def _expect_exact(spec: CertificateSpec) -> None:
    """What ssh-keygen would understand otherwise: a comma divides names, no name at all means everybody.

    It would certify keys of type DSA, too, which hosts do not take.
    """
    if public_key(spec.public_key) is None:
        raise _unusable(spec, "has a key of a type that is not certified")
    if not spec.principals or any(not name or "," in name for name in spec.principals):
        raise _unusable(spec, "has no principal, or one with a comma")
    if spec.type == "host" and (spec.critical_options or spec.extensions):
        raise _unusable(spec, "is for a host, and host certificates have no options")
    options = (*spec.critical_options, *spec.critical_options.values(), *spec.extensions)
    if any("\0" in text or "\n" in text for text in (spec.key_id, spec.public_key, *spec.principals, *options)):
        raise _unusable(spec, "has a line break or a NUL in it")


def _write(path: str, line: str) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.write(f"{line}\n")


def _unusable(spec: CertificateSpec, why: str) -> UsageError:
    problem = f"the certificate for {quoted(spec.subject)} {why}"
    return UsageError(problem, effect=Effect.NOTHING_SIGNED, system=_SYSTEM, subject=spec.subject)
