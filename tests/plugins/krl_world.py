"""A journal with revocations, a key that signs KRLs, a folder that is served, and a host that pulls from there."""

import datetime as dt
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sshd_server import keygen

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.adapters.ssh.krl_host import InstalledKrl
from warden.adapters.ssh.krl_http import KrlAtUrl
from warden.adapters.ssh.krl_tools import SshKeygenKrl, SshKeygenVerifier
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.krl import NAMESPACE, SIGNER
from warden.core.ssh.krl_pull import Pulled
from warden.usecases.krl import Publisher, pull

DAY = 86_400
"""Seconds."""


class Clock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.offset)


class KrlWorld:
    """A journal, a signing key, a folder that is served, and a host that pulls from there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / "signer"))
        self.signers = folder / "signers"
        self.believe("signer")
        self.journal = SqliteJournal(str(folder / "journal.db"))
        self.published = folder / "published"
        self.file = folder / "revoked_keys"
        self.clock = Clock()
        self.tools = Publisher(
            journal=self.journal,
            builder=SshKeygenKrl(),
            signer=SshKeySigner(str(folder / "signer")),
            folder=PublishedKrl(str(self.published)),
            clock=self.clock,
        )
        self.url = "http://127.0.0.1:1/krl"

    def believe(self, *names: str) -> None:
        lines = ((self.folder / f"{name}.pub").read_text() for name in names)
        self.signers.write_text("".join(f'{SIGNER} namespaces="{NAMESPACE}" {line}' for line in lines))

    def revoke(self, *serials: int, until: int = 0) -> None:
        self.journal.record(REVOKED, "agt-x", {"reason": "test", "serials": list(serials), "until": until})

    def pull(self, max_age: int = DAY) -> Pulled:
        return pull(
            InstalledKrl(str(self.file)),
            KrlAtUrl(self.url, 5),
            SshKeygenVerifier(str(self.signers)),
            self.clock,
            max_age,
        )

    def listed(self) -> str:
        """What OpenSSH reads in the file that is in place."""
        done = subprocess.run(["ssh-keygen", "-Ql", "-f", self.file], check=True, capture_output=True, text=True)
        return done.stdout


@contextmanager
def served(world: KrlWorld) -> Iterator[list[tuple[str, int]]]:
    """A plain web server on the folder: any will do. Answers what was asked, and with which status."""
    asked: list[tuple[str, int]] = []

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = world.published / self.path.removeprefix("/")
            content = file.read_bytes() if file.exists() else b""
            etag = f'"{hash(content)}"'
            status = 304 if self.headers.get("If-None-Match") == etag else 200 if content else 404
            asked.append((self.path, status))
            self.send_response(status)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(0 if status == 304 else len(content)))
            self.end_headers()
            if status == 200:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_port}/krl"
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
