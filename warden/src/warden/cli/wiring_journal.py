"""What builds the journal, and what signs and checks its checkpoints; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.lanes.signing import Signing
    from warden.ports.journal import Journal
    from warden.ports.signer import Signer, Verifier
    from warden.ports.vault import Vault


def journal_file() -> str:
    """Where the journal is; empty where there is none yet."""
    from warden.adapters.journal.sqlite import journal_path

    path = journal_path(os.environ)
    return path if os.path.exists(path) else ""


def journal(platform: str | None, *, asks: bool = True) -> Journal:
    """The journal, at the place of this platform directory and of the OpenBao that the environment names.

    It is WARDEN_JOURNAL, else ``journal.db`` in warden's state directory. Without `asks` no server is asked for its
    id. `platform` is ``None`` where the directory's files cannot be used.
    """
    from warden.adapters.journal.sqlite import SqliteJournal, journal_path
    from warden.adapters.whereabouts import Here

    return SqliteJournal(journal_path(os.environ), whereabouts=Here(platform, asks=asks))


def whole_journal() -> Journal:
    """The journal for reading it as it is, whatever the place of its records."""
    from warden.adapters.journal.sqlite import SqliteJournal, journal_path

    return SqliteJournal(journal_path(os.environ))


def signer(signing: Signing | None, vault: Vault) -> Signer | None:
    """The key that platform.yaml names; ``None`` where it names none. Nothing is asked and no file is read yet."""
    if signing is None:
        return None
    if signing.transit is not None:
        from warden.adapters.signing.transit import TransitSigner

        return TransitSigner(vault, signing.transit)
    from warden.adapters.signing.ssh_key import SshKeySigner

    return SshKeySigner(signing.ssh_key or "")


def verifier(named: Sequence[str]) -> Verifier:
    """The public keys that these options and lines name. Raises `UsageError` for what is not one."""
    from warden.adapters.signing.public_keys import PublicKeys, read_public_keys

    return PublicKeys(key for each in named for key in read_public_keys(each))
