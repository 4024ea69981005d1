"""The journal: a SQLite file to which records are only added, each chained to the one before it.

`record` answers when the record is durable (WAL, ``synchronous=FULL``), or raises `JournalUnwritable`. Records are
never changed: triggers refuse UPDATE, DELETE and any number but the next; `core.journal.chain` shows what got past
them.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

from msgspec.structs import astuple

from warden.adapters.journal import questions
from warden.adapters.journal.errors import CLOSED_UNKNOWN, NOT_EMPTY, as_journal_error, unwritable
from warden.adapters.journal.questions import Question
from warden.adapters.journal.sqlite_file import connect, expect_sound, is_there, make
from warden.adapters.journal.stored import StoredJournal, now
from warden.core.journal.chain import GENESIS, Head, Row
from warden.core.journal.encoding import Entry, following
from warden.ports.clock import Clock
from warden.ports.whereabouts import Whereabouts


def _field(body: str, name: str) -> str:
    """What SQLite makes of a field: an object is its text; nothing where the body is not JSON."""
    return f"CASE WHEN json_valid({body}) THEN json_extract({body}, '$.{name}') END" if name else body


class SqliteJournal(StoredJournal):
    """The port Journal on one SQLite file. Opened at the first use; safe between threads and processes."""

    field = _field
    explained = as_journal_error

    def __init__(
        self, path: str, *, clock: Clock = now, actor: str | None = None, whereabouts: Whereabouts | None = None
    ) -> None:
        super().__init__(path, clock=clock, actor=actor, whereabouts=whereabouts)
        self._db: sqlite3.Connection | None = None
        self._lock = RLock()

    def close(self) -> None:
        """Let go of the file (a process that ends or becomes another program need not)."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def restore(self, rows: Iterable[Row]) -> int:
        """Take over the rows of another journal as they are, into an empty one; how many there were."""
        with self._lock, self._explained():
            db = self._open()
            if db.execute(questions.LAST.sql).fetchone():
                raise unwritable(self.path, NOT_EMPTY)
            with _transaction(db):  # a record that came before it has taken the number 1, which the first row wants
                return db.executemany(questions.INSERT, map(astuple, rows)).rowcount

    def _append(self, entries: Sequence[Entry]) -> list[int]:
        with self._lock, self._explained():
            db = self._open()
            with _transaction(db):
                last = db.execute(questions.LAST.sql).fetchone()
                rows = following(Head(*last) if last else Head(GENESIS, 0), self._clock(), self._actor, entries)
                db.executemany(questions.INSERT, map(astuple, rows))
            return [row.seq for row in rows]

    def _read(self, question: Question) -> list[tuple[Any, ...]]:
        with self._lock, self._explained(CLOSED_UNKNOWN):
            db = self._found()
            return db.execute(*question).fetchall() if db is not None else []

    def _expect_sound(self) -> None:
        with self._lock, self._explained():
            db = self._found()
            if db is not None:
                expect_sound(db, self.path)

    def _found(self) -> sqlite3.Connection | None:
        """The connection; ``None`` where there is no journal yet."""
        if self._db is None and is_there(self.path):
            self._db = connect(self.path)
        return self._db

    def _open(self) -> sqlite3.Connection:
        """The connection to a journal that is made where there is none."""
        db = self._found()
        if db is None:
            make(self.path)
            db = self._db = connect(self.path)
        return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, with no other writer in between."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has already rolled back by itself
            db.execute("ROLLBACK")
        raise
