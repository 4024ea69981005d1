"""The journal: a SQLite file to which records are only added, each chained to the one before it.

`record` answers when the record is durable (WAL, ``synchronous=FULL``), or raises `JournalUnwritable`. Records are
never changed: triggers refuse UPDATE, DELETE and any number but the next; `core.journal.chain` shows what got past
them.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import msgspec
from msgspec.structs import astuple

from warden.adapters.journal.errors import CLOSED_UNKNOWN, as_journal_error, os_user
from warden.adapters.journal.sqlite_file import connect, expect_sound, is_there, make
from warden.adapters.machine import directories
from warden.adapters.machine.processes import runs, this_process
from warden.core.errors import DoneBefore, JournalUnwritable
from warden.core.journal.chain import GENESIS, Chain, Head, Row, walk
from warden.core.journal.encoding import entry, following, record
from warden.core.journal.operations import ENDS, Unfinished, process_of
from warden.core.journal.place import place_of
from warden.core.journal.record import LaneState, NewRecord, Record
from warden.core.journal.state import DECIDING, lane_states
from warden.ports.clock import Clock
from warden.ports.whereabouts import Whereabouts


def _one_of(column: str, names: Iterable[str]) -> str:
    """Constants only; written alike wherever it has to match the file's partial index."""
    return f"{column} IN ('" + "', '".join(names) + "')"


_COLUMNS = "seq, at, event, lane, actor, body, hash"
_INSERT = f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
_LAST = "SELECT hash, seq FROM journal ORDER BY seq DESC LIMIT 1"
_FIRST = "SELECT hash FROM journal WHERE seq = 1"
_DECIDING = _one_of("event", DECIDING)
"""Written as in the file's partial index, which SQLite uses only then."""
_PLACE = "CASE WHEN json_valid(body) THEN json_extract(body, '$.place') END"
_STATE = f"""\
SELECT {_COLUMNS} FROM journal WHERE seq IN (
  SELECT max(seq) FROM journal WHERE {_DECIDING} AND lane = ? GROUP BY event, {_PLACE}) ORDER BY seq"""  # noqa: S608 - constants only
_STATES = f"""\
SELECT {_COLUMNS} FROM journal WHERE seq IN (
  SELECT max(seq) FROM journal WHERE {_DECIDING} GROUP BY lane, event, {_PLACE}) ORDER BY seq"""  # noqa: S608 - constants only
_BEGINS = _one_of("b.event", ENDS)
_ENDS = " OR ".join(f"b.event = '{begin}' AND {_one_of('e.event', ends)}" for begin, ends in ENDS.items())
_BEGIN = "CASE WHEN json_valid(e.body) THEN json_extract(e.body, '$.begin') END"
_PROCESS = "CASE WHEN json_valid(b.body) THEN json_extract(b.body, '$.process') END"
_UNFINISHED = f"""\
SELECT {_COLUMNS} FROM journal AS b WHERE {_BEGINS} AND NOT EXISTS (
  SELECT 1 FROM journal AS e WHERE e.lane = b.lane AND e.seq > b.seq AND ({_ENDS})
  AND ({_BEGIN} = b.seq OR {_PROCESS} IS NULL))"""  # noqa: S608 - constants only
_RECENT = "b.seq >= (SELECT min(seq) FROM (SELECT seq FROM journal WHERE lane = ? ORDER BY seq DESC LIMIT ?))"


def journal_path(environ: Mapping[str, str]) -> str:
    """Where the journal is: WARDEN_JOURNAL, else ``journal.db`` in WARDEN_STATE, else in ``$XDG_STATE_HOME/warden``."""
    if named := environ.get("WARDEN_JOURNAL"):
        return os.path.abspath(named)
    return os.path.join(directories.state(environ), "journal.db")


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteJournal:
    """The port Journal on one SQLite file. Opened at the first use; safe between threads and processes.

    Without `whereabouts` records carry no place, and states are those that may hold anywhere.
    """

    def __init__(
        self, path: str, *, clock: Clock = _now, actor: str | None = None, whereabouts: Whereabouts | None = None
    ) -> None:
        self.path = path
        self._whereabouts = whereabouts
        self._clock = clock
        self._actor = actor or os_user()
        self._db: sqlite3.Connection | None = None
        self._lock = Lock()
        self._recorded = False

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number."""
        return self.record_all([(event, lane, body)])[0]

    def record_all(self, records: Sequence[NewRecord]) -> Sequence[int]:
        """Append several, or none, in one durable write."""
        if not records:
            return []
        place = self._place_of_records()
        process = {"process": msgspec.to_builtins(this_process())}
        entries = [
            entry(event, lane, {**place, **(process if event in ENDS else {}), **body}) for event, lane, body in records
        ]
        with self._lock, self._explained():
            db = self._open(create=True)
            assert db is not None  # noqa: S101 - created above or raised
            numbers = self._append(db, entries)
        self._recorded = True
        return numbers

    @contextmanager
    def _explained(self, context: str = "") -> Iterator[None]:
        """Errors as the journal's own; after a record they do not say that nothing was done."""
        try:
            with as_journal_error(self.path, context):
                yield
        except JournalUnwritable as fault:
            if self._recorded:
                fault.effect = DoneBefore()
            raise

    def _append(self, db: sqlite3.Connection, entries: Sequence[tuple[str, str, str]]) -> list[int]:
        db.execute("BEGIN IMMEDIATE")
        try:
            rows = following(_head(db.execute(_LAST).fetchone()), self._clock(), self._actor, entries)
            db.executemany(_INSERT, map(astuple, rows))
            db.execute("COMMIT")
        except BaseException:
            # A full disk has already rolled back by itself.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return [row.seq for row in rows]

    def state(self, lane: str) -> LaneState:
        """What the journal last said of one lane."""
        return self._states(self._records(_STATE, (lane,))).get(lane, LaneState())

    def states(self) -> Mapping[str, LaneState]:
        """What the journal last said of each lane it knows something of."""
        return self._states(self._records(_STATES, ()))

    def _states(self, records: Sequence[Record]) -> Mapping[str, LaneState]:
        """Where the journal has nothing to say, no server is asked where this is."""
        if not records or self._whereabouts is None:
            return lane_states(records)
        return lane_states(records, self._whereabouts.place(), self._whereabouts.address)

    def _place_of_records(self) -> dict[str, Any]:
        return {} if self._whereabouts is None else {"place": msgspec.to_builtins(self._whereabouts.place())}

    def here(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those of the records that may be of this place."""
        if not records or self._whereabouts is None:
            return records
        place = self._whereabouts.place()
        return [each for each in records if place_of(each.body).may_be(place)]

    def unfinished(self, lane: str | None = None, *, last: int = 0) -> Sequence[Unfinished]:
        """The operations at this place that have no end, oldest first; of one lane, among its `last` records."""
        wanted: list[tuple[str, tuple[object, ...]]] = []
        wanted += [("b.lane = ?", (lane,))] if lane is not None else []
        wanted += [(_RECENT, (lane, last))] if lane is not None and last else []
        sql = " AND ".join((_UNFINISHED, *(clause for clause, _ in wanted))) + " ORDER BY b.seq"
        found = self.here(self._records(sql, tuple(value for _, values in wanted for value in values)))
        now = self._clock()
        return [Unfinished(each, runs(process_of(each.body), datetime.fromisoformat(each.at), now)) for each in found]

    def log(
        self, *, lane: str | None = None, last: int = 0, events: Sequence[str] = (), after: int = 0
    ) -> Sequence[Record]:
        """The records after that number, oldest first: the `last` (0: all) newest, of one lane, of these `events`."""
        wanted: list[tuple[str, Sequence[object]]] = [("seq > ?", (after,))]
        wanted += [("lane = ?", (lane,))] if lane is not None else []
        wanted += [(f"event IN ({', '.join('?' * len(events))})", events)] if events else []
        where = " AND ".join(clause for clause, _ in wanted)
        limit = (last or -1,)  # SQLite: a negative limit means no limit
        sql = f"SELECT {_COLUMNS} FROM journal WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constants only
        return self._records(sql, (*(value for _, values in wanted for value in values), *limit))[::-1]

    def head(self) -> Head:
        """The newest checkpoint of the chain: what to keep elsewhere."""
        return _head(next(iter(self._read(_LAST, ())), None))

    def origin(self) -> str:
        """Which journal it is: the hash of its first record; empty where it has none."""
        return str(next(iter(self._read(_FIRST, ())), ("",))[0])

    def verify(self, kept: Head | None = None) -> Chain:
        """Walk the whole chain; also against a head that was kept elsewhere."""
        with self._lock, self._explained():
            db = self._open(create=False)
            if db is None:
                return walk((), kept)
            expect_sound(db, self.path)
            rows = db.execute(f"SELECT {_COLUMNS} FROM journal ORDER BY seq")  # noqa: S608 - constants only
            return walk(map(_row, rows), kept)

    def close(self) -> None:
        """Let go of the file (a process that ends or becomes another program need not)."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _records(self, sql: str, values: tuple[object, ...]) -> list[Record]:
        rows = self._read(sql, values)
        with self._explained(CLOSED_UNKNOWN):
            return [record(_row(row)) for row in rows]

    def _read(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock, self._explained(CLOSED_UNKNOWN):
            db = self._open(create=False)
            return db.execute(sql, values).fetchall() if db is not None else []

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        """The connection; ``None`` where there is no journal yet and none is to be made."""
        if self._db is None:
            if not is_there(self.path):
                if not create:
                    return None
                make(self.path)
            self._db = connect(self.path)
        return self._db


def _head(found: tuple[str, int] | None) -> Head:
    return Head(*found) if found else Head(GENESIS, 0)


def _row(row: Sequence[Any]) -> Row:
    seq, at, event, lane, actor, body, digest = row
    return Row(seq=seq, at=at, event=event, lane=lane, actor=actor, body=body, hash=digest)
