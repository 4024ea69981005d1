"""Logins that are tried with ssh(1): they get as far as the host's answer, and leave.

The private keys are in the memory of an ssh-agent that only these logins know. What ssh says with ``-v`` tells whether
the host let it in: "Authenticated to" or "Permission denied". Anything else is not an answer.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from warden.adapters.machine.own_folder import own_folder
from warden.adapters.ssh import background
from warden.adapters.ssh.agent import SshAgent
from warden.adapters.ssh.programs import NotRun
from warden.core.errors import Inconclusive
from warden.core.quoting import quoted
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_verdicts import Attempted

if TYPE_CHECKING:
    import subprocess

PATIENCE = 20.0
"""Seconds that a login may take."""
_LET_IN = "Authenticated to "
_REFUSED = "Permission denied ("
_OPTIONS = (
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ConnectTimeout=10",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "IdentityFile=none",
    "PermitLocalCommand=no",
    "PreferredAuthentications=publickey",
    "RequestTTY=no",
)


class Logins:
    """Tries logins; see `trying_logins`. The agent's socket is in `folder`."""

    def __init__(self, folder: str, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._agent = SshAgent(f"{folder}/agent")

    def attempt(self, target: Sequence[str], key: FreshKey, certificate: Certificate, asks: str = "") -> Attempted:
        """One login; `target` are ssh's arguments that name the host.

        With a key that is not the certificate's, both are offered apart.
        """
        own = key.public_key == certificate.public_key
        shown = certificate.line if own else key.public_key
        self._agent.add(key, certificate.line if own else "", round(PATIENCE) + 5, "warden")
        try:
            return self._tried(["ssh", *self._options("" if own else certificate.line), *target], asks)
        finally:
            with suppress(Inconclusive):  # it holds nothing for longer than a login
                self._agent.remove(shown)

    def _options(self, certificate: str) -> Sequence[str]:
        apart = []
        if certificate:
            apart = [f"CertificateFile={self._folder}/certificate.pub"]
            with open(f"{self._folder}/certificate.pub", "w", encoding="ascii") as file:
                file.write(f"{certificate}\n")
        options = (*_OPTIONS, f"IdentityAgent={self._folder}/agent", *apart)
        return ["-v", *(word for option in options for word in ("-o", option))]

    def _tried(self, argv: Sequence[str], asks: str) -> Attempted:
        started = time.perf_counter()
        with _running([*argv, asks] if asks else [argv[0], "-N", *argv[1:]], self._environ) as ssh:
            let_in, said = _followed(ssh, leave=not asks)
            took = (time.perf_counter() - started) * 1000
            out = b"" if ssh.stdout is None or not asks else ssh.stdout.read(4096)
        return Attempted(let_in=let_in, said=said, out=out.decode("utf-8", "replace"), ms=took)


@contextmanager
def trying_logins(environ: Mapping[str, str]) -> Iterator[Logins]:
    """With an agent of its own, which is gone afterwards. Raises `Inconclusive` where there is none."""
    with own_folder("warden-agent-") as folder:
        try:
            agent = background.start(["ssh-agent", "-D", "-a", f"{folder}/agent"], environ, folder)
        except NotRun as fault:
            raise Inconclusive(str(fault), system="ssh-agent") from None
        try:
            _wait_for(agent, f"{folder}/agent")
            yield Logins(folder, environ)
        finally:
            background.end(agent)


def _wait_for(agent: "subprocess.Popen[bytes]", socket: str) -> None:
    end = time.monotonic() + PATIENCE
    while not os.path.exists(socket):
        if agent.poll() is not None or time.monotonic() > end:
            hint = "name a folder in TMPDIR that has room; the path of a socket has at most 107 characters"
            raise Inconclusive(f"ssh-agent did not start at {socket}", system="ssh-agent", hint=hint)
        time.sleep(0.005)


@contextmanager
def _running(argv: Sequence[str], environ: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Ended after `PATIENCE` seconds, and in any case when this is left."""
    try:
        ssh = background.start(argv, environ, heard=True)
    except NotRun as fault:
        raise Inconclusive(str(fault), system="ssh") from None
    limit = threading.Timer(PATIENCE, background.ask_to_end, (ssh,))
    limit.start()
    try:
        yield ssh
    finally:
        background.end(ssh)
        limit.cancel()
        limit.join()
        for pipe in (ssh.stdout, ssh.stderr):
            if pipe is not None:
                pipe.close()


def _followed(ssh: "subprocess.Popen[bytes]", *, leave: bool) -> tuple[bool | None, str]:
    """Whether it was let in, and its last words; to `leave` is to end it as soon as it was."""
    let_in, said = None, ""
    for raw in ssh.stderr or ():
        line = raw.decode("utf-8", "replace").strip()
        if line.startswith(_LET_IN):
            let_in = True
            if leave:
                break
        elif line and not line.startswith(("debug1:", "OpenSSH_")):
            said = line
    if let_in is None and _REFUSED in said:
        let_in = False
    return let_in, quoted(said)
