"""An sshd of one's own for as long as a context lasts: on a free port of loopback, with the three files of a host.

sshd(8), sshd_config(5): ``TrustedUserCAKeys``, ``AuthorizedPrincipalsFile`` and ``RevokedKeys`` are read anew at each
login, so what is changed here counts at once. It runs as whoever runs warden. Only that account can log in, with a
certificate and nothing else.
"""

import os
import pwd
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from warden.adapters.machine.own_folder import own_folder
from warden.adapters.ssh import background
from warden.adapters.ssh.installed import server
from warden.adapters.ssh.programs import NotRun, run
from warden.core.errors import Inconclusive
from warden.core.ssh.krl import EMPTY

if TYPE_CHECKING:
    import subprocess

PATIENCE = 15.0
"""Seconds for it to start, on a machine that does much else."""
_OWN_DIRECTORY = re.compile(r"Missing privilege separation directory: (/\S+)")
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
TrustedUserCAKeys {folder}/trusted_ca
AuthorizedPrincipalsFile {folder}/principals.%u
RevokedKeys {folder}/revoked
AuthorizedKeysFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PidFile none
LogLevel VERBOSE
StrictModes no
UseDNS no
MaxStartups 500
MaxSessions 500
"""
_NO_PENALTIES = "PerSourcePenalties no"
"""Since OpenSSH 9.8 refused logins would lock this machine out."""


class LocalSshd:
    """One that runs. ``folder`` has its files, ``account`` is who can log in."""

    host = "127.0.0.1"

    def __init__(self, folder: str, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.port = port
        self.account = pwd.getpwuid(os.geteuid()).pw_name
        self._process = process

    def trust(self, *authorities: str) -> None:
        """Replace ``TrustedUserCAKeys`` by these public keys."""
        _replace(f"{self.folder}/trusted_ca", "".join(f"{line}\n" for line in authorities).encode())

    def authorize(self, *principals: str, account: str = "") -> None:
        """Replace ``AuthorizedPrincipalsFile`` of the account by these lines: a principal, perhaps after options."""
        content = "".join(f"{line}\n" for line in principals).encode()
        _replace(f"{self.folder}/principals.{account or self.account}", content)

    def revoke(self, krl: bytes) -> None:
        """Replace ``RevokedKeys`` by a key revocation list, or by lines with public keys."""
        _replace(f"{self.folder}/revoked", krl)

    def log(self) -> str:
        """All that it has said."""
        return _text(f"{self.folder}/log")

    def arguments(self) -> Sequence[str]:
        """For ssh(1): this server, its host key checked, and nothing of the caller's own configuration."""
        options = (f"UserKnownHostsFile={self.folder}/known_hosts", "GlobalKnownHostsFile=none")
        strict = ("StrictHostKeyChecking=yes", "UpdateHostKeys=no")
        named = [word for option in (*options, *strict) for word in ("-o", option)]
        return ["-F", "none", *named, "-p", str(self.port), "-l", self.account]

    @property
    def running(self) -> bool:
        """Whether it still does."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it. Connections that are open end with their clients."""
        background.end(self._process)


@contextmanager
def local_sshd(environ: Mapping[str, str], parent: str | None = None) -> Iterator[LocalSshd]:
    """One that trusts nobody yet. It, its keys and its log are gone afterwards. Raises `Inconclusive`."""
    with own_folder("warden-sshd-", parent) as folder:
        _prepare(folder, environ)
        started = _started(folder, _program(environ), environ)
        try:
            yield started
        finally:
            started.stop()


def _program(environ: Mapping[str, str]) -> str:
    found = server(environ)
    if not found:
        raise _not_started("sshd is not installed here (Debian: apt install openssh-server)")
    return found


def _prepare(folder: str, environ: Mapping[str, str]) -> None:
    try:
        done = run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", f"{folder}/host_key"], environ)
    except NotRun as fault:
        raise _not_started(str(fault)) from None
    if done.code:
        raise _not_started(f"ssh-keygen made no host key: {done.err.strip()}")
    for name, content in (("trusted_ca", b""), ("revoked", EMPTY), ("log", b"")):
        _replace(f"{folder}/{name}", content)


def _started(folder: str, program: str, environ: Mapping[str, str]) -> LocalSshd:
    """Another port, should somebody have taken it meanwhile: its own log says that this very one listens."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        sshd = _start(folder, program, environ)
        while sshd.running and time.monotonic() < end:
            if f"Server listening on 127.0.0.1 port {sshd.port}" in sshd.log():
                return sshd
            time.sleep(0.005)
        sshd.stop()
        if not _can_be_tried_again(sshd.log()):
            break
    raise _not_started(f"sshd did not start: {' / '.join(sshd.log().split(chr(10))[-3:]).strip(' /') or 'no reason'}")


def _start(folder: str, program: str, environ: Mapping[str, str]) -> LocalSshd:
    port = _free_port()
    config = f"{folder}/config"
    text = _CONFIG.format(port=port, folder=folder)
    _replace(config, f"{text}{_NO_PENALTIES}\n".encode())
    with suppress(NotRun):
        if run([program, "-t", "-f", config], environ).code:
            _replace(config, text.encode())
    _replace(f"{folder}/log", b"")
    _replace(f"{folder}/known_hosts", f"[127.0.0.1]:{port} {_text(f'{folder}/host_key.pub')}".encode())
    try:
        process = background.start([program, "-D", "-f", config, "-E", f"{folder}/log"], environ, folder)
    except NotRun as fault:
        raise _not_started(str(fault)) from None
    return LocalSshd(folder, port, process)


def _can_be_tried_again(log: str) -> bool:
    """The port was taken; or root's sshd misses the empty directory under /run that its service makes at boot."""
    if missing := _OWN_DIRECTORY.search(log):
        with suppress(OSError):
            os.makedirs(missing[1], mode=0o755)
            return True
        return False
    return "Address already in use" in log


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _replace(path: str, content: bytes) -> None:
    """At once: a login sees the old file or the new one. Raises `Inconclusive`."""
    try:
        with open(f"{path}.new", "wb") as file:
            file.write(content)
        os.replace(f"{path}.new", path)
    except OSError as fault:
        problem = f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()})"
        raise Inconclusive(problem, system="sshd", hint="name a folder with more room in TMPDIR") from None


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _not_started(problem: str) -> Inconclusive:
    return Inconclusive(problem, system="sshd")
