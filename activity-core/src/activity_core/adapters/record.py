"""The record of runs: one SQLite file, and a lock beside it.

A run is written before the model is asked, and again when it ends. A row in state ``running`` while nobody holds the
lock is a run that was interrupted (killed, power lost). Stored: times, states, counts, and the report, whose texts are
already masked.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from activity_core.adapters.lock import RecordPath, acquire, is_locked
from activity_core.core.errors import TryLater, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING, FAILED, INTERRUPTED = "running", "failed", "interrupted"
COUNTS = ("whole", "review_required")
"""States of a run that counts as the day's: the model's answer could be used."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, day TEXT NOT NULL, began_at TEXT NOT NULL, ended_at TEXT, pid INTEGER NOT NULL,
  state TEXT NOT NULL, profile TEXT NOT NULL, digest_sha256 TEXT, items INTEGER, needs_human INTEGER,
  quarantined INTEGER, model TEXT, tokens INTEGER, cost_usd REAL, fault TEXT, report TEXT, posted_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS run_by_day ON run (day, state);
"""
_SCHEMA_VERSION = 1
_NOT_ASKED = "The model was not asked."
_BUSY_SECONDS = 5
_SELECT_LAST = (
    "SELECT id, day, began_at, ended_at, state, profile, digest_sha256, items, needs_human, quarantined, model, tokens,"
    " cost_usd, fault, posted_at FROM run ORDER BY rowid DESC LIMIT ?"
)
_SELECT_DAY = "SELECT report FROM run WHERE day = ? AND state IN (?, ?) ORDER BY rowid DESC LIMIT 1"
_SELECT_PREVIOUS = "SELECT report FROM run WHERE day < ? AND state IN (?, ?) ORDER BY day DESC, rowid DESC LIMIT 1"
_SELECT_RUN = "SELECT report FROM run WHERE id = ? AND report IS NOT NULL"
_SELECT_IDS = "SELECT id FROM run WHERE substr(id, 1, ?) = ? AND report IS NOT NULL ORDER BY rowid DESC LIMIT ?"
_UPDATE_END = (
    "UPDATE run SET ended_at = ?, state = ?, digest_sha256 = ?, items = ?, needs_human = ?, quarantined = ?, model = ?,"
    " tokens = ?, cost_usd = ?, report = ? WHERE id = ?"
)


class Record:
    """The open file. Every method raises `Unavailable` if it cannot be read or written."""

    def __init__(self, path: RecordPath, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def begin(self, run: str, day: str, began_at: str, profile: str) -> None:
        """Write that a run began. Any other run in state running was interrupted, since this one holds the lock."""
        with self._write(_NOT_ASKED) as sql:
            sql.execute("UPDATE run SET state = ?, ended_at = NULL WHERE state = ?", (INTERRUPTED, RUNNING))
            sql.execute(
                "INSERT INTO run (id, day, began_at, pid, state, profile) VALUES (?, ?, ?, ?, ?, ?)",
                (run, day, began_at, os.getpid(), RUNNING, profile),
            )

    def end(self, run: str, ended_at: str, report: dict[str, Any]) -> None:
        """Write the report of a run and its counts."""
        served = report["served"] or {}
        prompt, completion = served.get("prompt_tokens"), served.get("completion_tokens")
        tokens = None if prompt is None or completion is None else prompt + completion
        with self._write("The report is complete but not recorded; the next run of the day asks again.") as sql:
            sql.execute(
                _UPDATE_END,
                (
                    ended_at,
                    report["state"],
                    report["digest"]["sha256"],
                    len(report["items"]),
                    sum(item["needs_human"] for item in report["items"]),
                    len(report["quarantined"]),
                    served.get("model"),
                    tokens,
                    served.get("cost_usd"),
                    json.dumps(report, ensure_ascii=False),
                    run,
                ),
            )

    def fail(self, run: str, ended_at: str, error: dict[str, object], *, state: str = FAILED) -> None:
        """Write that a run ended without a report, and why."""
        stored = json.dumps({name: error[name] for name in ("kind", "system", "message")}, ensure_ascii=False)
        with self._write("The end of the run is not recorded.") as sql:
            sql.execute(
                "UPDATE run SET ended_at = ?, state = ?, fault = ? WHERE id = ?", (ended_at, state, stored, run)
            )

    def mark_posted(self, run: str, at: str) -> None:
        """Write that the State Hub knows the run."""
        with self._write("It is not recorded that the run was posted.") as sql:
            sql.execute("UPDATE run SET posted_at = ? WHERE id = ?", (at, run))

    def report_of_day(self, day: str) -> dict[str, Any] | None:
        """The report of the last run that counts as this day's."""
        return self._report(_SELECT_DAY, (day, *COUNTS))

    def report_before(self, day: str) -> dict[str, Any] | None:
        """The last report of an earlier day."""
        return self._report(_SELECT_PREVIOUS, (day, *COUNTS))

    def report_of_run(self, run: str) -> dict[str, Any] | None:
        """The report of a run, by its full id."""
        return self._report(_SELECT_RUN, (run,))

    def ids_with_prefix(self, prefix: str, most: int) -> list[str]:
        """The ids of runs that have a report and begin with `prefix`, newest first."""
        with self._read() as sql:
            return [row[0] for row in sql.execute(_SELECT_IDS, (len(prefix), prefix, most))]

    def is_posted(self, run: str) -> bool:
        """Whether the State Hub knows the run."""
        with self._read() as sql:
            row = sql.execute("SELECT posted_at FROM run WHERE id = ?", (run,)).fetchone()
        return bool(row and row[0])

    def runs(self, most: int) -> list[dict[str, Any]]:
        """The last runs, newest first."""
        alive = is_locked(self._path)
        with self._read() as sql:
            cursor = sql.execute(_SELECT_LAST, (most,))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        alive = alive or is_locked(self._path)  # checked before and after: a run may have ended or begun in between
        return [_run_of_row(row, alive=alive) for row in rows]

    def _report(self, query: str, values: tuple[object, ...]) -> dict[str, Any] | None:
        with self._read() as sql:
            row = sql.execute(query, values).fetchone()
        if row is None:
            return None
        try:
            found: dict[str, Any] = json.loads(row[0])
        except ValueError:
            raise _unusable_record(self._path, "contains a report that is not JSON", _NOT_ASKED) from None
        return found

    @contextlib.contextmanager
    def _write(self, effect: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection:
                yield self._connection
        except sqlite3.Error as error:
            raise _unusable_record(self._path, f"cannot be written ({_reason(error)})", effect) from None

    @contextlib.contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise _unusable_record(self._path, f"cannot be read ({_reason(error)})", _NOT_ASKED) from None


@contextlib.contextmanager
def locked(path: RecordPath) -> Iterator[Record]:
    """The record, for a run: nobody else can begin one meanwhile.

    Raises:
        TryLater: another run is in progress.
        Unavailable: the file cannot be created or opened.
    """
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path.path)), mode=0o700, exist_ok=True)
        descriptor = os.open(path.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable_record(path, f"cannot be written ({_reason(error)})", _NOT_ASKED) from None
    try:
        if not acquire(descriptor):
            message = f"another run of triage is in progress. {_NOT_ASKED}"
            hint = "wait until it ends: activity-core runs"
            raise TryLater("under-way", message, system="record", subject=path.path, hint=hint)
        with _opened(path, "rwc") as record:
            yield record
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(path: RecordPath) -> Iterator[Record]:
    """The record, for a note on a run that has ended."""
    with _opened(path, "rwc") as record:
        yield record


@contextlib.contextmanager
def reading(path: RecordPath) -> Iterator[Record | None]:
    """The record, for reading; None if there is none yet.

    It is opened for writing, so that SQLite can roll back what a killed run had half written. A file that must not be
    written is read all the same.

    Raises:
        Unavailable: the file cannot be read.
    """
    if _has_content(path):
        with _opened(path, "rw") as record:
            yield record
    else:
        yield None


def _has_content(path: RecordPath) -> bool:
    """Whether anything was ever written: a run that is killed at its start leaves an empty file."""
    try:
        return os.stat(path.path).st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unusable_record(path, f"cannot be read ({_reason(error)})", _NOT_ASKED) from None


@contextlib.contextmanager
def _opened(path: RecordPath, mode: str) -> Iterator[Record]:
    try:
        if mode == "rwc":  # created here, because SQLite would let others read the reports
            os.close(os.open(path.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(f"file:{quote(path.path)}?mode={mode}", timeout=_BUSY_SECONDS, uri=True)
    except (OSError, sqlite3.Error) as error:
        raise _unusable_record(path, f"cannot be opened ({_reason(error)})", _NOT_ASKED) from None
    with contextlib.closing(connection):
        _prepare(path, connection)
        yield Record(path, connection)


def _prepare(path: RecordPath, connection: sqlite3.Connection) -> None:
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    except sqlite3.Error as error:
        raise _unusable_record(path, f"cannot be used ({_reason(error)})", _NOT_ASKED) from None
    if version > _SCHEMA_VERSION:
        raise _unusable_record(path, "was written by a later version of activity-core", _NOT_ASKED)


def _run_of_row(row: dict[str, Any], *, alive: bool) -> dict[str, Any]:
    row["fault"] = json.loads(row["fault"]) if row["fault"] else None
    if row["state"] == RUNNING and not alive:
        row["state"] = INTERRUPTED
    return row


def _reason(error: OSError | sqlite3.Error) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _unusable_record(path: RecordPath, problem: str, effect: str) -> Unavailable:
    hint = "free space, move the file away if it is damaged, or use another one: ACTIVITY_CORE_RECORD=FILE"
    return Unavailable("record", f"the record {problem}. {effect}", system="record", subject=path.path, hint=hint)
