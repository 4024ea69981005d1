"""People with SSH keys, and the file that says whose key is whose: for everything that is signed in tests."""

import datetime as dt
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from warden.adapters.ssh.decisions import Named, SshSignatures
from warden.core.changes.request import Decision

DECISION = Decision(
    decision="approve",
    request="CCR-2026-0004",
    by="bob",
    at=dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC),
    expires=dt.datetime(2026, 12, 14, 10, tzinfo=dt.UTC),
    comment="looked at it",
    digest="sha256:ab",
    signature="",
)
"""An approval before it is signed."""


class Signers:
    """Keys in a folder, one a name, and ``allowed_signers`` there with those that are listed."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.file = folder / "allowed_signers"
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text("")
        for name in names:
            self.add(name)

    def key(self, name: str) -> Path:
        """The private key of that name, made where there is none."""
        path = self.folder / f"key-{name}"
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
            subprocess.run(command, check=True)
        return path

    def public(self, name: str) -> str:
        return " ".join(self.key(name).with_suffix(".pub").read_text().split()[:2])

    def add(self, name: str, *, key_of: str = "", options: str = "") -> None:
        """List the name with its own key, or another person's."""
        line = " ".join(filter(None, (name, options, self.public(key_of or name))))
        self.file.write_text(f"{self.file.read_text()}{line}\n")

    def remove(self, name: str) -> None:
        kept = [line for line in self.file.read_text().splitlines() if line.split()[0] != name]
        self.file.write_text("".join(f"{line}\n" for line in kept))

    def signatures(
        self, name: str, *, as_: str | None = None, environ: Mapping[str, str] | None = None
    ) -> SshSignatures:
        """The port, signing with that key."""
        found = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} if environ is None else environ
        return SshSignatures(str(self.file), found, Named(key=str(self.key(name)), name=as_))
