"""The journal in PostgreSQL, for a team: the same records, rows and chain as in SQLite, shared by every machine.

Writers take turns: each holds an advisory lock for one transaction, in which it reads the newest record and adds the
ones that follow. `record` answers when the commit is durable on the server that took it (and on its standby, where the
server is set up so), or raises `JournalUnwritable`.

A connection that is lost before the commit was sent has recorded nothing. One that is lost while a commit is under way
leaves open whether it was: the next connection takes the lock, which the old transaction holds until it has ended
either way, and looks for the hash of its own record. So nothing is lost, and nothing is recorded twice.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, RLock, Thread
from typing import Any, TypeVar

import psycopg
from msgspec.structs import astuple
from psycopg.errors import QueryCanceled

from warden.adapters.journal import postgresql_schema as schema
from warden.adapters.journal import questions
from warden.adapters.journal.errors import CLOSED_UNKNOWN, NOT_EMPTY, RESTORE, Cause, os_user, unwritable
from warden.adapters.journal.postgresql_connection import Connection, connect, prepare
from warden.adapters.journal.postgresql_errors import NONE_YET, NOT_ITS_OWNER, NOT_LET_IN, as_journal_error, is_lost
from warden.adapters.journal.questions import Question
from warden.adapters.journal.stored import StoredJournal, now
from warden.core.errors import JournalUnwritable
from warden.core.journal.chain import GENESIS, Head, Row
from warden.core.journal.encoding import Entry, following
from warden.ports.clock import Clock
from warden.ports.whereabouts import Whereabouts

logging.getLogger("psycopg").addHandler(
    logging.NullHandler()
)  # what it would print of lost connections is handled here
PATIENCE = 15.0
"""Seconds for a connection that was lost to come back, at this server or at another one that was promoted."""
CONFIRM = 30.0
"""Seconds for a record to be confirmed, by the standby too where the server waits for one."""
GRACE = 5.0
"""Seconds for a server to cancel what it does."""
_PAUSE = 0.2
"""Seconds between two attempts."""

_WARNING = "01000"
T = TypeVar("T")
_TURN = f"SELECT pg_advisory_xact_lock({schema.LOCK})"
_INSERT = questions.INSERT.replace("?", "%s")
_AT = "SELECT hash FROM journal WHERE seq = %s"


def _field(body: str, name: str) -> str:
    """What PostgreSQL makes of a field: its text. It cannot hold U+0000, which JSON can name: a space stands for it."""
    return f"(replace({body}, '\\u0000', '\\u0020')::json ->> '{name}')" if name else f"{body}::text"


@contextmanager
def _given_up(db: Connection) -> Iterator[None]:
    """Cancel what is not done after `CONFIRM`, and cut the connection off where even that is not answered.

    A commit that waits for a standby knows no other end, and neither does a server that hangs.
    """
    done = Event()

    def watch() -> None:
        if done.wait(CONFIRM):
            return
        with suppress(psycopg.Error):
            db.cancel_safe(timeout=GRACE)
        if not done.wait(GRACE):
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(db.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


class PostgresJournal(StoredJournal):
    """The port Journal on a database of PostgreSQL; `path` is its URL, which never holds a password.

    Opened at the first use; safe between threads and processes. An actor is ``USER@HOST``.
    """

    field = _field
    explained = as_journal_error

    def __init__(
        self, path: str, *, clock: Clock = now, actor: str | None = None, whereabouts: Whereabouts | None = None
    ) -> None:
        actor = actor or f"{os_user()}@{socket.gethostname()}"
        self._db: Connection | None = None
        super().__init__(path, clock=clock, actor=actor, whereabouts=whereabouts)
        self._lock = RLock()
        self._warnings: list[str] = []
        self._own: Head | None = None
        """The newest record of this process: it has to stay."""

    def close(self) -> None:
        """Let go of the connection (a process that ends or becomes another program need not)."""
        if self._db is not None:
            with suppress(psycopg.Error):
                self._db.close()
            self._db = None

    # -- making it ------------------------------------------------------------------------------------------------

    def make(self, writers: Sequence[str] = ()) -> bool:
        """Make the journal, as its owner, and let these roles write; whether there was none. Raises as the rest."""
        with self._lock, self._explained():
            db = connect(self.path)
            try:
                prepare(db)
                made = self._made(db)
                self._expect_format(db)
                for writer in writers:
                    schema.let_in(db, writer)
            finally:
                db.close()
            return made

    def _made(self, db: Connection) -> bool:
        try:
            return schema.make(db)
        except psycopg.errors.InsufficientPrivilege:
            raise unwritable(self.path, NOT_ITS_OWNER) from None

    def restore(self, rows: Iterable[Row]) -> int:
        """Take over the rows of another journal as they are, into an empty one; how many there were.

        Raises `JournalUnwritable` where this one is not empty.
        """
        with self._lock, self._explained():
            db = self._open()
            with db.transaction():
                db.execute(_TURN)
                if self._last(db).seq:
                    raise unwritable(self.path, NOT_EMPTY)
                count = 0
                with db.cursor() as cursor, cursor.copy(f"COPY journal ({questions.COLUMNS}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(astuple(row))
                        count += 1
            return count

    # -- what StoredJournal asks for ------------------------------------------------------------------------------

    def _append(self, entries: Sequence[Entry]) -> list[int]:
        with self._lock, self._explained():
            sent: list[Row] = []
            end = 0.0
            while True:
                try:
                    rows = self._add(self._open(), entries, sent)
                except psycopg.OperationalError as error:
                    again = self._lost(error) or bool(sent) or bool(end) or self._recorded
                    end = end or time.monotonic() + PATIENCE
                    if not again or not is_lost(error) or time.monotonic() > end:
                        raise self._unknown(error, sent) from None
                    time.sleep(_PAUSE)
                else:
                    self._own = Head(rows[-1].hash, rows[-1].seq)
                    return [row.seq for row in rows]

    def _add(self, db: Connection, entries: Sequence[Entry], sent: list[Row]) -> list[Row]:
        """One attempt; `sent` are the rows of an earlier one whose commit was not answered, and of this one then."""
        self._warnings.clear()
        with _given_up(db), db.transaction():
            db.execute(_TURN)
            last = self._last(db)
            if sent and self._has(db, Head(sent[-1].hash, sent[-1].seq)):
                return list(sent)
            self._expect_own(db)
            rows = following(last, self._clock(), self._actor, entries)
            with db.cursor() as cursor:
                cursor.executemany(_INSERT, list(map(astuple, rows)))
            sent[:] = rows
        if self._warnings:  # a server that waits for its standby commits, and says so in a warning when it gives up
            problem = f"took record {rows[-1].seq}, and its standby did not confirm it"
            raise unwritable(self.path, Cause(problem, "See pg_stat_replication there; the record stays"))
        return rows

    def _read(self, question: Question) -> list[tuple[Any, ...]]:
        statement = question.sql.replace("?", "%s").encode()
        with self._lock, self._explained(CLOSED_UNKNOWN):
            return self._asked(lambda db: db.execute(statement, question.values).fetchall())

    def _expect_sound(self) -> None:
        with self._lock, self._explained():
            try:
                self._asked(schema.expect_sound)
            except schema.Unsound as fault:
                problem = f"is not built as warden builds it ({fault.what}): it proves nothing"
                raise unwritable(self.path, Cause(problem, RESTORE)) from None

    def _asked(self, ask: Callable[[Connection], T]) -> T:
        """What is read; once more where the connection was lost since it was last used."""
        try:
            return self._patiently(ask)
        except psycopg.OperationalError as error:
            if not self._lost(error) or not is_lost(error):
                raise
            return self._patiently(ask)

    def _patiently(self, ask: Callable[[Connection], T]) -> T:
        db = self._open()
        with _given_up(db):
            return ask(db)

    # -- the connection -------------------------------------------------------------------------------------------

    def _open(self) -> Connection:
        if self._db is None or self._db.closed:
            self._db = connect(self.path)
            try:
                prepare(self._db)
                self._expect_format(self._db)
            except (JournalUnwritable, psycopg.errors.DatabaseError) as error:
                if not isinstance(error, psycopg.Error) or not is_lost(error):
                    self.close()
                raise
            self._db.add_notice_handler(self._noticed)
        return self._db

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        """Of warnings only those without a meaning of their own: a server that stops says so with another code."""
        if notice.sqlstate == _WARNING:
            self._warnings.append(notice.message_primary or "")

    def _expect_format(self, db: Connection) -> None:
        found = schema.found_format(db)
        if found is None:
            raise unwritable(self.path, NONE_YET)
        if found != schema.FORMAT:
            problem = f"has format {found}, and this warden reads format {schema.FORMAT}"
            raise unwritable(self.path, Cause(problem, "Use the warden that wrote it, or a newer one"))

    def _lost(self, error: psycopg.Error) -> bool:
        """Let go of a connection that an error ended; whether there was one."""
        had = self._db is not None
        if is_lost(error):
            self.close()
        return had

    def _unknown(self, error: psycopg.Error, sent: Sequence[Row]) -> Exception:
        """The error, or, where a commit was sent that nobody answered, that it is not known what became of it."""
        if not sent or isinstance(error, QueryCanceled):
            return error
        problem = "was lost while it took a record; whether it has it is not known"
        return unwritable(self.path, Cause(problem, "See what it has when it answers again"))

    # -- what is there --------------------------------------------------------------------------------------------

    @staticmethod
    def _last(db: Connection) -> Head:
        found = db.execute(questions.LAST.sql.encode()).fetchone()
        return Head(str(found[0]), int(str(found[1]))) if found else Head(GENESIS, 0)

    @staticmethod
    def _has(db: Connection, head: Head) -> bool:
        return db.execute(_AT, (head.seq,)).fetchone() == (head.hash,)

    def _expect_own(self, db: Connection) -> None:
        """Raise `JournalUnwritable` where a record is gone that the server had confirmed."""
        if self._own is not None and not self._has(db, self._own):
            problem = f"does not have record {self._own.seq}, which it had taken: a server without it took over"
            raise unwritable(self.path, Cause(problem, "Nothing more is recorded by this command; look what it did"))


def expect_writer(where: str) -> bool:
    """Whether this role owns the table. Raises `JournalUnwritable` where it may not read and add records."""
    with as_journal_error(where):
        db = connect(where)
        try:
            prepare(db)
            if not schema.may_write(db):
                raise unwritable(where, NOT_LET_IN)
            return schema.owns(db)
        finally:
            db.close()
