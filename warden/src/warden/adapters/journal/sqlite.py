"""The journal: a SQLite file to which records are only added, each chained to the one before it.

`record` answers when the record is durable (WAL, ``synchronous=FULL``), or raises `JournalUnwritable`. Records are
never changed: triggers refuse UPDATE, DELETE and any number but the next; `domain.chain` shows what got past them.
"""

import os
import sqlite3
from _thread import allocate_lock
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from warden.adapters.journal.database_file import TELLING, connect, expect_sound, is_there, make
from warden.adapters.journal.errors import os_user, told
from warden.adapters.machine import directories as xdg
from warden.core.journal.chain import GENESIS, Chain, Head, Row, link, walk
from warden.core.journal.record import LaneState, Record
from warden.ports.clock import Clock

_COLUMNS = "seq, at, event, lane, actor, body, hash"
_INSERT = "INSERT INTO journal (seq, at, event, lane, actor, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
_LAST = "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1"
_STATE = f"""\
SELECT {_COLUMNS} FROM journal WHERE seq IN (
  SELECT max(seq) FROM journal WHERE {TELLING} AND lane = ? GROUP BY event) ORDER BY seq"""  # noqa: S608 - constants only
_STATES = f"""\
SELECT {_COLUMNS} FROM journal WHERE seq IN (
  SELECT max(seq) FROM journal WHERE {TELLING} GROUP BY lane, event) ORDER BY seq"""  # noqa: S608 - constants only


def journal_path(environ: Mapping[str, str]) -> str:
    """Where the journal is: WARDEN_JOURNAL, else ``journal.db`` in WARDEN_STATE, else in ``$XDG_STATE_HOME/warden``."""
    if named := environ.get("WARDEN_JOURNAL"):
        return os.path.abspath(named)
    if state := environ.get("WARDEN_STATE"):
        return os.path.join(os.path.abspath(state), "journal.db")
    return os.path.join(xdg.directory("XDG_STATE_HOME", ".local/state", environ), "journal.db")


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteJournal:
    """The port Journal on one SQLite file. Opened at the first use; safe between threads and processes."""

    def __init__(self, path: str, *, clock: Clock = _now, actor: str | None = None) -> None:
        self.path = path
        self._clock = clock
        self._actor = actor or os_user()
        self._db: sqlite3.Connection | None = None
        self._lock = allocate_lock()

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number."""
        return self.record_all([(event, lane, body)])[0]

    def record_all(self, records: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Sequence[int]:
        """Append several (event, lane, body) in one durable write."""
        texts = [(_plain_text(event), _plain_text(lane), _canonical(body)) for event, lane, body in records]
        with self._lock, told(self.path, "nothing was recorded, so nothing else was done"):
            db = self._open(create=True)
            assert db is not None  # noqa: S101 - created above or raised
            return self._append(db, texts)

    def _append(self, db: sqlite3.Connection, texts: Sequence[tuple[str, str, str]]) -> list[int]:
        db.execute("BEGIN IMMEDIATE")
        try:
            seq, previous = db.execute(_LAST).fetchone() or (0, GENESIS)
            numbers = []
            for event, lane, body in texts:
                seq, at = seq + 1, _timestamp(self._clock())
                previous = link(previous, (seq, at, event, lane, self._actor), body)
                db.execute(_INSERT, (seq, at, event, lane, self._actor, body, previous))
                numbers.append(seq)
            db.execute("COMMIT")
        except BaseException:
            # A full disk has already rolled back by itself.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return numbers

    def state(self, lane: str) -> LaneState:
        """What the journal last said of one lane."""
        return _states(self._read(_STATE, (lane,))).get(lane, LaneState())

    def states(self) -> Mapping[str, LaneState]:
        """What the journal last said of each lane it knows something of."""
        return _states(self._read(_STATES, ()))

    def log(
        self, *, lane: str | None = None, last: int = 0, events: Sequence[str] = (), after: int = 0
    ) -> Sequence[Record]:
        """The records after that number, oldest first: the `last` (0: all) newest, of one lane, of these `events`."""
        wanted: list[tuple[str, Sequence[object]]] = [("seq > ?", (after,))]
        wanted += [("lane = ?", (lane,))] if lane is not None else []
        wanted += [(f"event IN ({', '.join('?' * len(events))})", events)] if events else []
        where = " AND ".join(clause for clause, _ in wanted)
        limit = (last or -1,)  # SQLite: a negative limit is none
        sql = f"SELECT {_COLUMNS} FROM journal WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constants only
        rows = self._read(sql, (*(value for _, values in wanted for value in values), *limit))
        return [_record(row) for row in reversed(rows)]

    def head(self) -> Head:
        """The newest checkpoint of the chain: what to keep elsewhere."""
        rows = self._read(_LAST, ())
        return Head(rows[0][1], rows[0][0]) if rows else Head(GENESIS, 0)

    def verify(self, kept: Head | None = None) -> Chain:
        """Walk the whole chain; also against a head that was kept elsewhere."""
        with self._lock, told(self.path, "the chain was not checked"):
            db = self._open(create=False)
            if db is None:
                return walk((), kept)
            expect_sound(db, self.path)
            rows = db.execute(f"SELECT {_COLUMNS} FROM journal ORDER BY seq")  # noqa: S608 - constants only
            return walk((_row(row) for row in rows), kept)

    def close(self) -> None:
        """Let go of the file (a process that ends or becomes another program need not)."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _read(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock, told(self.path, "warden cannot tell which lanes are closed, so nothing was done"):
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


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _canonical(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(_plain(body), order="deterministic").decode()


def _plain(value: object) -> object:
    """Plain JSON only: an object with a meaning of its own (a Secret above all) has no place in a journal."""
    if isinstance(value, str):
        return _plain_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(f"a journal body holds plain JSON, not {type(value).__name__}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a journal body has text as keys, not {type(key).__name__}")
    return _plain_text(key)


def _plain_text(text: str) -> str:
    """File names of any bytes reach us as lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _row(row: Sequence[Any]) -> Row:
    seq, at, event, lane, actor, body, digest = row
    return Row(seq=seq, at=at, event=event, lane=lane, actor=actor, body=body, hash=digest)


def _record(row: Sequence[Any]) -> Record:
    seq, at, event, lane, actor, body, digest = row
    return Record(seq=seq, at=at, event=event, lane=lane, actor=actor, body=_decode(body), hash=digest)


def _decode(body: str) -> Mapping[str, Any]:
    decoded: Mapping[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    return decoded


def _states(rows: Sequence[Sequence[Any]]) -> dict[str, LaneState]:
    """Fold the newest telling records, oldest first, into one state a lane."""
    states: dict[str, LaneState] = {}
    for row in rows:
        record = _record(row)
        before = states.get(record.lane, LaneState())
        if record.event == "proof":
            states[record.lane] = LaneState(closed=before.closed, proof=record)
        else:
            closed = record if record.event == "lane.closed" else None
            states[record.lane] = LaneState(closed=closed, proof=before.proof, overtaken=True)
    return states
