"""What builds the journal, and what signs and checks its checkpoints; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.core.errors import Effect, UsageError
from warden.core.remedies import EditFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from warden.core.journal.checkpoints import Checkpoint
    from warden.core.lanes.signing import Signing
    from warden.ports.journal import Journal
    from warden.ports.signer import Signer
    from warden.ports.vault import Vault
    from warden.usecases.journal_verify import Keys


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


def signer(signing: Signing | None, vault: Vault | None) -> Signer | None:
    """The key that platform.yaml names; ``None`` where it names none. Nothing is asked and no file is read yet.

    `vault` is needed for a key of OpenBao only.
    """
    if signing is None:
        return None
    if signing.transit is not None and vault is not None:
        from warden.adapters.signing.transit import TransitSigner

        return TransitSigner(vault, signing.transit)
    from warden.adapters.signing.ssh_key import SshKeySigner

    return SshKeySigner(signing.ssh_key or "")


def keys(ctx: click.Context, named: Sequence[str]) -> Keys:
    """The public keys of these options; without any, those of platform.yaml, and whoever signs for it.

    Raises `UsageError` for an option that is not a key.
    """
    from warden.adapters.signing.public_keys import PublicKeys, read_public_keys
    from warden.core.public_key import public_key
    from warden.usecases.journal_verify import Keys

    if named:
        listed = tuple(key for each in named for key in read_public_keys(each))
        return Keys(listed=listed, believe=PublicKeys, named=True, signer=declared_signer(ctx))
    signing = declared_signing(ctx)
    lines = signing.public_keys if signing else ()
    listed = tuple(key for line in lines if (key := public_key(line)))
    return Keys(listed=listed, believe=PublicKeys, signer=declared_signer(ctx))


def declared_signing(ctx: click.Context) -> Signing | None:
    """What platform.yaml says of signing; ``None`` also where no platform directory is found.

    Raises `Invalid` where its files have errors.
    """
    from warden.adapters.catalog.discovery import find_platform
    from warden.adapters.catalog.files import load_platform
    from warden.cli.wiring import at_embedded, platform_flag
    from warden.cli.wiring_files import enter_environment_if_found

    try:
        platform = find_platform(platform_flag(ctx)).directory
    except UsageError:
        if platform_flag(ctx):
            raise
        return None
    enter_environment_if_found(ctx, at_embedded)
    return load_platform(platform).signing


def declared_signer(ctx: click.Context) -> Signer | None:
    """The key that platform.yaml names; ``None`` where it names none, or no platform directory is found."""
    from warden.cli.wiring import openbao

    signing = declared_signing(ctx)
    if signing is None:
        return None
    return signer(signing, openbao()) if signing.transit else signer(signing, None)


def required_signer(ctx: click.Context) -> Signer:
    """The same for a command that cannot do without. Raises `UsageError`."""
    found = declared_signer(ctx)
    if found is None:
        raise UsageError(
            "platform.yaml names no key that signs (signing)",
            effect=Effect.NOTHING_WRITTEN,
            hint="name one there; docs/journal.md says how",
            remedy=(EditFile(file="platform.yaml", field="signing"),),
        )
    return found


def kept_checkpoint(file: str) -> Checkpoint:
    """The checkpoint in a file. Raises `UsageError` where there is none."""
    from warden.adapters.journal.checkpoint_file import read

    return read(file)


def earlier_checkpoint(file: str) -> Checkpoint | None:
    """The checkpoint that a new one would replace; ``None`` where the file is not there yet. Raises `UsageError`."""
    return kept_checkpoint(file) if os.path.lexists(file) else None


def keep_checkpoint(file: str, made: Checkpoint) -> None:
    """Put a checkpoint into a file. Raises `UsageError` where it cannot be written."""
    from warden.adapters.journal.checkpoint_file import write

    write(file, made)
