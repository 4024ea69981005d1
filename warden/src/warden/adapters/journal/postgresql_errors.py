"""What can be wrong with a journal in PostgreSQL: each error names the database, the effect and what to do about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from warden.adapters.journal.errors import RESTORE, WAIT, Cause, unwritable
from warden.core.journal.encoding import DamagedRecord
from warden.core.quoting import quoted
from warden.core.remedies import SetVariable, warden

NONE_YET = Cause("has no journal yet", "Who owns the database makes it", (warden("journal init"),))
_PASSWORD = "password authentication failed"  # noqa: S105 - what the server says
_NO_PASSWORD = "no password supplied"  # noqa: S105 - what libpq says
_STANDBY = ("session is read-only", "server is in hot standby mode", "not accepting read-write")

NOT_ITS_OWNER = Cause(
    "cannot be made by this role",
    "Make it as the role that owns the database, and let this one in",
    (SetVariable("WARDEN_JOURNAL", "postgresql://OWNER@HOST/DATABASE"), warden("journal init", writer="ROLE")),
)
NOT_LET_IN = Cause(
    "is not open to this role", "Who owns the journal lets it in", (warden("journal init", writer="ROLE"),)
)
_BY_STATE: tuple[tuple[type[psycopg.Error], Cause], ...] = (
    (errors.UndefinedTable, NONE_YET),
    (errors.InvalidSchemaName, NONE_YET),
    (errors.InsufficientPrivilege, NOT_LET_IN),
    (
        errors.LockNotAvailable,
        Cause(f"has been locked by another writer for {WAIT:.0f} s", "See who it is in pg_stat_activity"),
    ),
    (errors.QueryCanceled, Cause("did not answer in time", "See what it does in pg_stat_activity")),
    (errors.ReadOnlySqlTransaction, Cause("is a standby, which takes no records", "Name the primary, or all of them")),
    (errors.DiskFull, Cause("cannot grow: the disk under it is full", "Free space there")),
    (
        errors.RaiseException,
        Cause("does not take the record: it is append-only", "Check it", (warden("journal verify"),)),
    ),
    (errors.UniqueViolation, Cause("does not take the next record", "Check it", (warden("journal verify"),))),
    (errors.DataError, Cause("is damaged: a record in it cannot be read", RESTORE)),
)


@contextmanager
def as_journal_error(path: str, context: str = "") -> Iterator[None]:
    """Every error of PostgreSQL and libpq, as one kind of error that names the database; never with a password."""
    try:
        yield
    except psycopg.Error as error:
        raise unwritable(path, cause_of(error), context) from None
    except DamagedRecord as fault:
        raise unwritable(path, Cause(f"is damaged: record {fault.seq} cannot be read", RESTORE), context) from None


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, or the server with it: another one may answer."""
    return isinstance(error, psycopg.OperationalError) and not isinstance(
        error, (errors.LockNotAvailable, errors.QueryCanceled, errors.DiskFull)
    )


def cause_of(error: psycopg.Error) -> Cause:
    """What an error means."""
    for kind, cause in _BY_STATE:
        if isinstance(error, kind):
            return cause
    said = str(error)
    for test, cause in _BY_TEXT:
        if test(said):
            return cause
    reason = quoted(said.partition("\n")[0])
    if isinstance(error, psycopg.OperationalError):
        return Cause(f"did not answer: {reason}", "Check that it runs and can be reached from here")
    return Cause("cannot be used", f"PostgreSQL says: {reason}. Check it", (warden("doctor"),))


def _has(*parts: str) -> Callable[[str], bool]:
    return lambda said: any(part in said for part in parts)


_BY_TEXT: tuple[tuple[Callable[[str], bool], Cause], ...] = (
    (_has(_NO_PASSWORD), Cause("asks for a password, and none is set", "Keep it in PGPASSFILE or PGPASSWORD")),
    (_has(_PASSWORD), Cause("does not accept the password", "Check PGPASSFILE or PGPASSWORD")),
    (_has(*_STANDBY), Cause("has no server that takes records: what answers is a standby", "Promote one, or name all")),
    (
        _has("certificate verify failed", "does not match host name", "root certificate file"),
        Cause(
            "does not prove that it is the server named",
            "Name its authorities with sslrootcert=FILE in the URL, or PGSSLROOTCERT",
        ),
    ),
    (
        _has("does not support SSL", "server does not support"),
        Cause(
            "does not speak TLS", "Turn it on there; sslmode=disable in the URL does without, where nobody can listen"
        ),
    ),
)
"""Errors of a connection have no code of their own."""
