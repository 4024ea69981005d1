"""The journal's file: how it is made, opened and checked.

Its schema is part of its format and checked as text: what is changed here needs a new `FORMAT` and a way to it.

The file appears whole or not at all: it is made beside its place and linked into it, so processes that start together
agree on one journal. It is readable by its owner alone (0600). An emptied or foreign file is refused, never filled:
it may have known that a lane is closed.
"""

import os
import sqlite3
import stat

from warden.adapters.journal.errors import RESTORE, WAIT, Cause, refuse_foreign, refuse_version, unwritable

APPLICATION = 0x77726465  # "wrde": tells a journal from any other SQLite file
FORMAT = 1

_SCHEMA = {
    "journal": """CREATE TABLE journal (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, lane TEXT NOT NULL,
  actor TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
) STRICT""",
    "journal_by_lane": "CREATE INDEX journal_by_lane ON journal (lane, seq)",
    "journal_telling": """CREATE INDEX journal_telling ON journal (lane, event, seq) """
    """WHERE event IN ('lane.closed', 'lane.opened', 'proof')""",
    "journal_no_update": """CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    "journal_no_delete": """CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    # INSERT OR REPLACE would delete without the trigger above: only the next number is taken.
    "journal_in_order": """CREATE TRIGGER journal_in_order BEFORE INSERT ON journal
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
}


def connect(path: str) -> sqlite3.Connection:
    """Open a journal that is there; anything else that is there is refused."""
    db = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        application, version = db.execute("SELECT * FROM pragma_application_id, pragma_user_version").fetchone()
        if application != APPLICATION:
            refuse_foreign(path)
        if version != FORMAT:
            refuse_version(path, version, FORMAT)
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def is_there(path: str) -> bool:
    """Whether a file is there; a pipe would keep SQLite waiting, so only a regular file is let through."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        refuse_foreign(path)
    return True


def make(path: str) -> None:
    """Make a whole journal beside `path` and link it there; who comes second uses the first one's."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    draft = f"{path}.new-{os.urandom(8).hex()}"
    # A name that nobody can guess, and never a file or a link that is there already: it would be filled as ours.
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        _write_schema(draft)
        _link(draft, path)
    finally:
        for left in (draft, f"{draft}-wal", f"{draft}-shm"):
            _unlink(left)
    _sync_folder(folder)


def _write_schema(draft: str) -> None:
    db = sqlite3.connect(draft, timeout=WAIT, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.values():
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("COMMIT")
    finally:
        db.close()


def _link(draft: str, path: str) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def expect_sound(db: sqlite3.Connection, path: str) -> None:
    """SQLite's own view of the file, and that nobody took the triggers away."""
    if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        raise unwritable(path, Cause("is damaged", RESTORE))
    found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE 'journal%'"))
    if found != _SCHEMA:
        changed = ", ".join(sorted(name for name in found.keys() | _SCHEMA if found.get(name) != _SCHEMA.get(name)))
        raise unwritable(path, Cause(f"is not built as warden builds it ({changed}): it proves nothing", RESTORE))
