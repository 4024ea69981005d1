"""A real sshd of the tests: warden's own throw-away one, with a CA of its own and a client to log in with.

    def test_it(sshd_server):
        key = sshd_server.new_key("ada")
        certificate = sshd_server.sign(key, "-n", "deploy", "-V", "-1m:+5m", "-z", "7", "-I", "deploy ada")
        sshd_server.trust(sshd_server.ca_line)
        sshd_server.authorize("deploy")
        assert sshd_server.login(key, certificate).code == 0
        assert "(serial 7)" in sshd_server.log()

It listens on a free port of 127.0.0.1, where the account that runs the tests can log in: `sshd_server.account`. What it
has to have from Debian, ``tools/debian`` installs.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from warden.adapters.ssh.local_sshd import LocalSshd, local_sshd
from warden.adapters.ssh.programs import Ended, run
from warden.core.errors import Inconclusive


class SshdServer:
    """What tests use; `served` is the server itself, whose `trust`, `authorize`, `revoke` and `log` are here, too."""

    def __init__(self, served: LocalSshd, folder: Path) -> None:
        self.served = served
        self.folder = folder
        self.host, self.port, self.account = served.host, served.port, served.account
        self.trust, self.authorize, self.revoke = served.trust, served.authorize, served.revoke
        self.log, self.arguments = served.log, served.arguments
        self.ca = self.new_key("ca")
        self.ca_line = self.ca.with_name("ca.pub").read_text().strip()
        self.known_hosts = Path(served.folder, "known_hosts")

    def new_key(self, name: str) -> Path:
        """A new ed25519 key in `folder`; its public half is beside it."""
        path = self.folder / name
        keygen("-t", "ed25519", "-N", "", "-C", f"{name}@tests", "-f", str(path))
        return path

    def sign(self, key: Path, *options: str, ca: Path | None = None, name: str = "") -> Path:
        """A certificate of that key by ``ssh-keygen -s`` with these options of it, in a file of its own."""
        public = self.folder / f"{name or key.name}-to-sign.pub"
        public.write_text(key.with_name(f"{key.name}.pub").read_text())
        keygen("-s", str(ca or self.ca), *options, str(public))
        return public.with_name(f"{public.stem}-cert.pub")

    def login(
        self, key: Path, certificate: Path | None = None, *options: str, command: Sequence[str] = ("true",)
    ) -> Ended:
        """What ssh(1) says; code 0: logged in and the command ended well, 255: not logged in."""
        shown = ("-o", f"CertificateFile={certificate}") if certificate else ()
        only = ("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-i", str(key))
        argv = ["ssh", *options, *only, *shown, *self.arguments(), self.host, *command]
        return run(argv, os.environ)

    def said_since(self, before: str) -> str:
        """What the log has more than it had: ``before = sshd_server.log()``."""
        return self.log().removeprefix(before)


def keygen(*arguments: str) -> None:
    """``ssh-keygen``, which has to end well."""
    done = subprocess.run(["ssh-keygen", "-q", *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)


@contextmanager
def served_sshd(folder: Path) -> Iterator[SshdServer]:
    """A server of one's own, about 50 ms, with its files below that folder of the test run."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_until_then:
        try:
            served = open_until_then.enter_context(local_sshd(os.environ, str(folder)))
        except Inconclusive as fault:
            pytest.fail(f"{fault}. The tests need a real sshd: run tools/debian", pytrace=False)
        yield SshdServer(served, folder)


@pytest.fixture
def sshd_server(tmp_path: Path) -> Iterator[SshdServer]:
    """One that trusts nobody yet, for one test."""
    with served_sshd(tmp_path / "sshd") as server:
        yield server
