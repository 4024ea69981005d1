"""Which journal is meant: WARDEN_JOURNAL, else what ``platform.yaml`` names, else a file in the state directory."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from warden.adapters.journal.stored import StoredJournal
from warden.adapters.machine import directories
from warden.core.errors import Effect, UsageError
from warden.core.journal.location import is_postgresql, location_fault

if TYPE_CHECKING:
    from warden.ports.whereabouts import Whereabouts


def location(environ: Mapping[str, str], declared: str = "") -> str:
    """The path of a file, or the URL of a database; `declared` is what ``platform.yaml`` names.

    Raises `UsageError` for one that cannot be used, and quotes none that may hold a password.
    """
    named = environ.get("WARDEN_JOURNAL") or declared
    if not named:
        return os.path.join(directories.state(environ), "journal.db")
    if fault := location_fault(named):
        where = "WARDEN_JOURNAL" if environ.get("WARDEN_JOURNAL") else "the journal of platform.yaml"
        raise UsageError(
            f"{where} {fault}",
            effect=Effect.NOTHING_DONE,
            system="journal",
            hint="docs/journal.md has examples",
        )
    return named if is_postgresql(named) else os.path.abspath(named)


def journal_at(where: str, whereabouts: "Whereabouts | None" = None) -> StoredJournal:
    """The journal at a location; nothing is opened yet. PostgreSQL's client is loaded only where it is needed."""
    if is_postgresql(where):
        from warden.adapters.journal.postgresql import PostgresJournal

        return PostgresJournal(where, whereabouts=whereabouts)
    from warden.adapters.journal.sqlite import SqliteJournal

    return SqliteJournal(where, whereabouts=whereabouts)
