"""The record of runs: one SQLite file, and a lock beside it.

A run is written before anything is asked, and again when it ends. A row that says ``running`` while nobody holds the
lock is a run that was interrupted (killed, power lost). Kept: times, states, counts, and the report, whose texts are
masked already.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from activity_core.faults import NoAnswer, NotNow
from activity_core.lock import Place, is_held, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING, FAILED, INTERRUPTED = "running", "failed", "interrupted"
COUNTS = ("whole", "review_required")
"""States of a run that counts as the day's: the model has given something that can be used."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, day TEXT NOT NULL, began_at TEXT NOT NULL, ended_at TEXT, pid INTEGER NOT NULL,
  state TEXT NOT NULL, profile TEXT NOT NULL, digest_sha256 TEXT, items INTEGER, needs_human INTEGER,
  quarantined INTEGER, model TEXT, tokens INTEGER, cost_usd REAL, fault TEXT, report TEXT, posted_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS run_by_day ON run (day, state);
"""
_VERSION = 1
_PATIENCE_SECONDS = 5
_LAST = (
    "SELECT id, day, began_at, ended_at, state, profile, digest_sha256, items, needs_human, quarantined, model, tokens,"
    " cost_usd, fault, posted_at FROM run ORDER BY rowid DESC LIMIT ?"
)
_OF_DAY = "SELECT report FROM run WHERE day = ? AND state IN (?, ?) ORDER BY rowid DESC LIMIT 1"
_BEFORE = "SELECT report FROM run WHERE day < ? AND state IN (?, ?) ORDER BY day DESC, rowid DESC LIMIT 1"
_OF_RUN = "SELECT report FROM run WHERE id = ? AND report IS NOT NULL"
_LIKE = "SELECT id FROM run WHERE substr(id, 1, ?) = ? AND report IS NOT NULL ORDER BY rowid DESC LIMIT ?"
_END = (
    "UPDATE run SET ended_at = ?, state = ?, digest_sha256 = ?, items = ?, needs_human = ?, quarantined = ?, model = ?,"
    " tokens = ?, cost_usd = ?, report = ? WHERE id = ?"
)


class Record:
    """The open file. Every method raises `NoAnswer` where it cannot be read or written."""

    def __init__(self, place: Place, connection: sqlite3.Connection) -> None:
        self._place = place
        self._connection = connection

    def begin(self, run: str, day: str, began_at: str, profile: str) -> None:
        """Write that a run began; what still says that it is running was interrupted, since we hold the lock."""
        with self._writing("Nothing was asked.") as sql:
            sql.execute("UPDATE run SET state = ?, ended_at = NULL WHERE state = ?", (INTERRUPTED, RUNNING))
            sql.execute(
                "INSERT INTO run (id, day, began_at, pid, state, profile) VALUES (?, ?, ?, ?, ?, ?)",
                (run, day, began_at, os.getpid(), RUNNING, profile),
            )

    def end(self, run: str, ended_at: str, report: dict[str, Any]) -> None:
        """Write the report of a run and what it comes to."""
        served = report["served"] or {}
        asked, given = served.get("prompt_tokens"), served.get("completion_tokens")
        tokens = None if asked is None or given is None else asked + given
        with self._writing("The report was made and is not kept; the next run of the day asks again.") as sql:
            sql.execute(
                _END,
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

    def fail(self, run: str, ended_at: str, fault: dict[str, object], *, state: str = FAILED) -> None:
        """Write that a run ended without a report, and why."""
        kept = json.dumps({name: fault[name] for name in ("kind", "system", "message")}, ensure_ascii=False)
        with self._writing("The end of the run is not recorded.") as sql:
            sql.execute("UPDATE run SET ended_at = ?, state = ?, fault = ? WHERE id = ?", (ended_at, state, kept, run))

    def posted(self, run: str, at: str) -> None:
        """Write that the State Hub has the run."""
        with self._writing("That the run was posted is not recorded.") as sql:
            sql.execute("UPDATE run SET posted_at = ? WHERE id = ?", (at, run))

    def of_day(self, day: str) -> dict[str, Any] | None:
        """The report of the last run that counts as this day's."""
        return self._report(_OF_DAY, (day, *COUNTS))

    def before(self, day: str) -> dict[str, Any] | None:
        """The last report of an earlier day."""
        return self._report(_BEFORE, (day, *COUNTS))

    def of_run(self, run: str) -> dict[str, Any] | None:
        """The report of a run, by its whole id."""
        return self._report(_OF_RUN, (run,))

    def like(self, beginning: str, most: int) -> list[str]:
        """The ids of runs that have a report and begin so, the newest first."""
        with self._reading() as sql:
            return [row[0] for row in sql.execute(_LIKE, (len(beginning), beginning, most))]

    def is_posted(self, run: str) -> bool:
        """Whether the State Hub has the run."""
        with self._reading() as sql:
            row = sql.execute("SELECT posted_at FROM run WHERE id = ?", (run,)).fetchone()
        return bool(row and row[0])

    def runs(self, most: int) -> list[dict[str, Any]]:
        """The last runs, the newest first."""
        alive = is_held(self._place)
        with self._reading() as sql:
            cursor = sql.execute(_LAST, (most,))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        alive = alive or is_held(self._place)  # before or after: a run may have ended or begun in between
        return [_row(row, alive=alive) for row in rows]

    def _report(self, query: str, values: tuple[object, ...]) -> dict[str, Any] | None:
        with self._reading() as sql:
            row = sql.execute(query, values).fetchone()
        if row is None:
            return None
        try:
            found: dict[str, Any] = json.loads(row[0])
        except ValueError:
            raise _unusable(self._place, "holds a report that is no JSON", "Nothing was asked.") from None
        return found

    @contextlib.contextmanager
    def _writing(self, therefore: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection:
                yield self._connection
        except sqlite3.Error as fault:
            raise _unusable(self._place, f"cannot be written ({_said(fault)})", therefore) from None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection
        except sqlite3.Error as fault:
            raise _unusable(self._place, f"cannot be read ({_said(fault)})", "Nothing was asked.") from None


@contextlib.contextmanager
def held(place: Place) -> Iterator[Record]:
    """The record, for a run: nobody else can begin one while this holds it.

    Raises:
        NotNow: another run is under way.
        NoAnswer: the file cannot be made or opened.
    """
    try:
        os.makedirs(os.path.dirname(os.path.abspath(place.path)), mode=0o700, exist_ok=True)
        descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        reason = (fault.strerror or "unwritable").lower()
        raise _unusable(place, f"cannot be written ({reason})", "Nothing was asked.") from None
    try:
        if not taken(descriptor):
            message = "another run of triage is under way. Nothing was asked."
            hint = "wait for it, then see: activity-core runs"
            raise NotNow("under-way", message, system="record", subject=place.path, hint=hint)
        with _opened(place, "rwc") as record:
            yield record
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(place: Place) -> Iterator[Record]:
    """The record, for a note on a run that has ended."""
    with _opened(place, "rwc") as record:
        yield record


@contextlib.contextmanager
def reading(place: Place) -> Iterator[Record | None]:
    """The record, for reading; None where there is none yet.

    It is opened as for writing, so that SQLite can take back what a run that was killed had half written; where it must
    not be written it is read all the same.

    Raises:
        NoAnswer: the file cannot be read.
    """
    if _stands(place):
        with _opened(place, "rw") as record:
            yield record
    else:
        yield None


def _stands(place: Place) -> bool:
    """Whether something was ever written there: a run that was killed at its start leaves an empty file."""
    try:
        return os.stat(place.path).st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as fault:
        reason = (fault.strerror or "unreadable").lower()
        raise _unusable(place, f"cannot be read ({reason})", "Nothing was asked.") from None


@contextlib.contextmanager
def _opened(place: Place, mode: str) -> Iterator[Record]:
    try:
        if mode == "rwc":  # made by hand, so that the reports are never readable for others
            os.close(os.open(place.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(f"file:{quote(place.path)}?mode={mode}", timeout=_PATIENCE_SECONDS, uri=True)
    except (OSError, sqlite3.Error) as fault:
        reason = (getattr(fault, "strerror", None) or str(fault)).lower()
        raise _unusable(place, f"cannot be opened ({reason})", "Nothing was asked.") from None
    with contextlib.closing(connection):
        _prepare(place, connection)
        yield Record(place, connection)


def _prepare(place: Place, connection: sqlite3.Connection) -> None:
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    except sqlite3.Error as fault:
        raise _unusable(place, f"cannot be used ({_said(fault)})", "Nothing was asked.") from None
    if version > _VERSION:
        raise _unusable(place, "was written by a later version of activity-core", "Nothing was asked.")


def _row(row: dict[str, Any], *, alive: bool) -> dict[str, Any]:
    row["fault"] = json.loads(row["fault"]) if row["fault"] else None
    if row["state"] == RUNNING and not alive:
        row["state"] = INTERRUPTED
    return row


def _said(fault: sqlite3.Error) -> str:
    return str(fault).lower()


def _unusable(place: Place, said: str, therefore: str) -> NoAnswer:
    hint = "make room, move it away if it is broken, or give it another place: ACTIVITY_CORE_RECORD=FILE"
    return NoAnswer("record", f"the record {said}. {therefore}", system="record", subject=place.path, hint=hint)
