"""The port KrlHost on the file of sshd's RevokedKeys (sshd_config(5)).

sshd reads it at each login and refuses every key where it is missing or damaged (measured, OpenSSH 9.2), so it is
replaced by a rename, and what replaces it has been written to disk. The last good KRL is kept beside it with its
signature, in a file of warden's own.
"""

import os

import msgspec

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.machine.whole_file import whole_file
from warden.core.errors import Effect, Inconclusive
from warden.core.ssh.krl import SignedKrl

LARGEST = 64 * 1024 * 1024
"""Bytes: eight million serials. The kept one is half as long again, as it is base64 in JSON."""
WRITABLE = "sshd goes on with what is there; make room and let this user write there, or name another with --file"


class InstalledKrl:
    """The file that sshd reads; the last good one is ``PATH.last-good``."""

    def __init__(self, path: str) -> None:
        self.where = path
        self._kept = f"{path}.last-good"

    def in_place(self) -> bytes | None:
        """Whatever is there."""
        try:
            return read_bytes(self.where, LARGEST)
        except NotUsable:
            return None

    def install(self, krl: bytes) -> None:
        """Readable for all, as sshd may read it without privileges."""
        self._write(self.where, krl)

    def last_good(self) -> SignedKrl | None:
        """What `keep` has kept."""
        try:
            return msgspec.json.decode(read_bytes(self._kept, 2 * LARGEST), type=SignedKrl)
        except (NotUsable, msgspec.DecodeError):
            return None

    def keep(self, found: SignedKrl) -> None:
        """In one file, so that the KRL and its signature cannot be of two versions."""
        self._write(self._kept, msgspec.json.encode(found))

    def _write(self, path: str, content: bytes) -> None:
        try:
            with whole_file(path, 0o644) as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
        except OSError as fault:
            raise Inconclusive(
                f"{path} cannot be written: {os.strerror(fault.errno or 0).lower()}",
                effect=Effect.NOTHING_CHANGED,
                system="RevokedKeys",
                subject=path,
                hint=WRITABLE,
            ) from None
