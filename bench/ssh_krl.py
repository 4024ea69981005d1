"""A KRL of 100,000 serials: built, signed and published from the journal, beside `ssh-keygen -k` alone.

Random serials of 64 bits are the worst case: nothing of them can be packed. The aim is one second at most.
"""

import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.adapters.ssh.krl_host import InstalledKrl
from warden.adapters.ssh.krl_tools import SshKeygenKrl, SshKeygenVerifier
from warden.cli.clock import now
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.krl import NAMESPACE, SIGNER, SignedKrl
from warden.usecases.krl import Publisher, build, pull

SERIALS = 100_000
ROUNDS = 5


class Published:
    """A source that is a folder: fetching is not what is measured."""

    where = "folder"

    def __init__(self, folder: PublishedKrl) -> None:
        self._folder = folder

    def fetch(self, _known: SignedKrl | None) -> SignedKrl | None:
        """What is there."""
        return self._folder.published()


def new_key(path: Path) -> str:
    """A key pair; answers the public line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


def seconds(act: Callable[[], object]) -> float:
    """The median of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return median(took)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="warden-bench-") as name:
        folder = Path(name)
        ca, signer = new_key(folder / "ca"), new_key(folder / "signer")
        (folder / "signers").write_text(f'{SIGNER} namespaces="{NAMESPACE}" {signer}\n')
        serials = [secrets.randbits(64) for _ in range(SERIALS)]
        specification = folder / "specification"
        specification.write_text("".join(f"serial: {serial}\n" for serial in serials))
        alone: list[str | Path] = [
            "ssh-keygen",
            "-q",
            "-k",
            "-f",
            folder / "alone",
            "-s",
            folder / "ca.pub",
            "-z",
            "1",
            specification,
        ]
        journal = SqliteJournal(str(folder / "journal.db"))
        body = {"reason": "bench", "authority": "SHA256:ca", "authority_key": ca, "serials": serials}
        journal.record(REVOKED, "agt-bench", body)
        published = PublishedKrl(str(folder / "published"))
        tools = Publisher(
            journal=journal,
            builder=SshKeygenKrl(),
            signer=SshKeySigner(str(folder / "signer")),
            folder=published,
            clock=now,
        )
        host = InstalledKrl(str(folder / "revoked_keys"))
        verifier = SshKeygenVerifier(str(folder / "signers"))
        rows = [
            ("ssh-keygen -k alone", seconds(lambda: subprocess.run(alone, check=True))),
            ("krl build: journal, KRL, signature, published", seconds(lambda: build(tools))),
            (
                "krl pull: verified, read, in place",
                seconds(lambda: (build(tools), pull(host, Published(published), verifier, now, 86_400)))
                - seconds(lambda: build(tools)),
            ),
        ]
        journal.close()
        show(rows, (folder / "published" / "krl").stat().st_size)


def show(rows: list[tuple[str, float]], size: int) -> None:
    """The table, and whether the aim was met."""
    print(f"{SERIALS:,} random serials of one CA, {size:,} bytes; medians of {ROUNDS} rounds\n")
    print("| what | seconds | ratio |\n|---|---|---|")
    for name, took in rows:
        print(f"| {name} | {took:.3f} | {took / rows[0][1]:.2f} |")
    print(f"\nAim: built in at most 1 s: {'met' if rows[1][1] <= 1 else 'NOT met'}.")


if __name__ == "__main__":
    main()
