"""What `doctor` says of the journal: whether it can be used, what it rests on, and how old its newest signature is."""

import os
from collections.abc import Mapping
from contextlib import closing

from warden.adapters.journal.located import journal_at
from warden.adapters.machine.checks import file_fault
from warden.core.errors import JournalUnwritable
from warden.core.findings import JournalFile
from warden.core.journal.checkpoints import EVENT
from warden.core.journal.location import is_postgresql


def condition(where: str, *, signing: bool, environ: Mapping[str, str] = os.environ) -> JournalFile:
    """The journal at that location; `signing`: platform.yaml names a key. Makes nothing, and raises nothing."""
    shared = is_postgresql(where)
    try:
        with closing(journal_at(where)) as journal:
            signed = [each.at for each in journal.log(events=(EVENT,), last=1)]
        owned, verified = _server(where, environ) if shared else (False, True)
    except JournalUnwritable as fault:
        return JournalFile(where, fault, shared=shared)
    return JournalFile(
        where,
        None if shared else file_fault(where),
        shared=shared,
        owned=owned,
        verified=verified,
        signing=signing,
        signed=signed[0] if signed else "",
    )


def _server(where: str, environ: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether this role owns the table, and whether the server has to prove who it is. Raises `JournalUnwritable`."""
    from warden.adapters.journal.postgresql import expect_writer
    from warden.adapters.journal.postgresql_connection import is_verified

    return expect_writer(where), is_verified(where, environ)
