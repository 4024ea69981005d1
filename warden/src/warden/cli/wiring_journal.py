"""What builds the journal, and what signs and checks its checkpoints; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from warden.core.errors import Effect, UsageError
from warden.core.remedies import EditFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import click

    from warden.adapters.journal.postgresql import PostgresJournal
    from warden.core.findings import JournalFile
    from warden.core.journal.checkpoints import Checkpoint
    from warden.core.lanes.signing import Signing
    from warden.ports.journal import Journal
    from warden.ports.signer import Signer, Verifier
    from warden.ports.vault import Vault
    from warden.usecases.journal_verify import Keys


def journal_file() -> str:
    """Where the journal's file is; empty where there is none yet, or the journal is not a file."""
    from warden.adapters.journal.located import location

    try:
        path = location(os.environ)
    except UsageError:
        return ""
    return path if os.path.exists(path) else ""


def journal(platform: str, *, asks: bool = True, placed: bool = True) -> Journal:
    """The journal, at the place of this platform directory and of the OpenBao that the environment names.

    It is WARDEN_JOURNAL, else what ``platform.yaml`` names, else ``journal.db`` in warden's state directory. Without
    `asks` no server is asked for its id. Not `placed`: the directory's files cannot be used. Raises `UsageError` for a
    journal that cannot be used so.
    """
    from warden.adapters.journal.located import journal_at
    from warden.adapters.whereabouts import Here

    return journal_at(_location(platform), Here(platform if placed else None, asks=asks))


def whole_journal(platform: str) -> Journal:
    """The journal to be read as it is, whatever the place of its records; `platform` is empty where there is none."""
    from warden.adapters.journal.located import journal_at

    return journal_at(_location(platform, reading=True))


def other_journal(named: str) -> Journal:
    """The journal in that file, or in that database. Raises `UsageError` for one that cannot be used."""
    from warden.adapters.journal.located import journal_at, location

    return journal_at(location({"WARDEN_JOURNAL": named}))


def shared_journal(platform: str) -> PostgresJournal | None:
    """The journal if it is in a database, to be made there; ``None`` where it is a file."""
    from warden.core.journal.location import is_postgresql

    where = _location(platform)
    if not is_postgresql(where):
        return None
    from warden.adapters.journal.postgresql import PostgresJournal

    return PostgresJournal(where)


def _location(platform: str, *, reading: bool = False) -> str:
    """Where it is. A shared one is written by platforms with a name only: their directories are elsewhere each."""
    from warden.adapters.catalog.platform_name import is_named, journal_of
    from warden.adapters.journal.located import location
    from warden.core.journal.location import is_postgresql

    declared = journal_of(platform) if platform and not os.environ.get("WARDEN_JOURNAL") else ""
    where = location(os.environ, declared)
    if platform and not reading and is_postgresql(where) and not is_named(platform):
        raise UsageError(
            "a journal that is shared tells platforms apart by their name, and platform.yaml has none",
            effect=Effect.NOTHING_DONE,
            system="platform",
            remedy=(EditFile(file="platform.yaml", field="platform", value="NAME"),),
        )
    return where


def found_platform(ctx: click.Context) -> str:
    """The platform directory of this call; empty where none is found and none was named. Raises `UsageError`."""
    from warden.adapters.catalog.discovery import find_platform
    from warden.cli.wiring import platform_flag

    try:
        return find_platform(platform_flag(ctx)).directory
    except UsageError:
        if platform_flag(ctx):
            raise
        return ""


def journal_condition(platform: str) -> JournalFile:
    """What doctor says of the journal."""
    from warden.adapters.catalog.files import load_platform
    from warden.adapters.journal.condition import condition
    from warden.core.errors import WardenError
    from warden.core.findings import JournalFile

    try:
        where = _location(platform)
    except WardenError as fault:
        return JournalFile("", fault)
    try:
        signing = bool(platform) and load_platform(platform).signing is not None
    except WardenError:  # a finding of its own
        signing = False
    return condition(where, signing=signing)


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
    from warden.adapters.catalog.files import load_platform
    from warden.cli.wiring import at_embedded
    from warden.cli.wiring_files import enter_environment_if_found

    platform = found_platform(ctx)
    if not platform:
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
            hint="make one outside the platform directory (ssh-keygen -t ed25519 -N '' -f FILE), then",
            remedy=(EditFile(file="platform.yaml", field="signing", value="{ssh_key: FILE}"),),
        )
    return found


def kept_checkpoint(file: str) -> Checkpoint:
    """The checkpoint in a file. Raises `UsageError` where there is none."""
    from warden.adapters.journal.checkpoint_file import read

    return read(file)


def earlier_checkpoint(file: str) -> Checkpoint | None:
    """The checkpoint that a new one would replace; ``None`` where the file is not there yet. Raises `UsageError`."""
    from warden.adapters.journal.checkpoint_file import replaceable

    return replaceable(file)


def keep_checkpoint(file: str, made: Checkpoint) -> None:
    """Put a checkpoint into a file. Raises `UsageError` where it cannot be written."""
    from warden.adapters.journal.checkpoint_file import write

    write(file, made)


def believed(named: Sequence[str]) -> Verifier:
    """The verifier of these public keys alone. Raises `UsageError` for an option that is not a key."""
    from warden.adapters.signing.public_keys import PublicKeys, read_public_keys

    return PublicKeys(key for each in named for key in read_public_keys(each))


def kept_pack(file: str) -> list[bytes]:
    """The lines of a pack of evidence. Raises `UsageError` where they cannot be read."""
    from warden.adapters.journal.pack_file import read

    return read(file)


def keep_pack(file: str, lines: Sequence[bytes]) -> None:
    """Put a pack into a new file. Raises `UsageError` where it cannot be written."""
    from warden.adapters.journal.pack_file import write

    write(file, lines)


def export_file(path: str) -> AbstractContextManager[BinaryIO]:
    """A file that only its owner can read. Raises `UsageError` where it cannot be written."""
    from warden.adapters.journal.output_file import output_file

    return output_file(path, 0o600)
