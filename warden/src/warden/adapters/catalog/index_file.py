"""The file of the compiled catalog: written whole and renamed into place, read without locks.

Nothing here is needed for a right answer: whoever cannot read it gets `Unusable` or nothing, and parses the files.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Iterable

import msgspec

from warden.adapters.machine import directories as xdg

FORMAT = "2"

Stamp = tuple[int, int, int, int]
"""A file's mtime and ctime in ns, size and inode; zeros where there is none."""

NO_FILE: Stamp = (0, 0, 0, 0)


class Unusable(Exception):
    """There is no index, or it is of another format, bound to something else, or damaged."""


class Row(msgspec.Struct, frozen=True):
    """What is kept of one file without faults: its kind and entry, and its route (empty where it clashes)."""

    name: str
    stamp: Stamp
    kind: str
    entry: bytes
    route: bytes

    def checksum(self) -> int:
        """What tells a damaged row."""
        head = f"{self.name} {self.stamp} {self.kind}".encode()
        return zlib.crc32(self.route, zlib.crc32(self.entry, zlib.crc32(head)))


def stamp(path: str) -> Stamp:
    """What tells one state of a file from another."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return NO_FILE
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def index_path(platform_dir: str) -> str:
    """``$XDG_CACHE_HOME/warden/catalog-<checksum of the platform directory's path>``."""
    name = f"catalog-{zlib.crc32(os.fsencode(platform_dir)):08x}"
    return os.path.join(xdg.directory("XDG_CACHE_HOME", ".cache"), name)


class IndexFile:
    """An index that was opened.

    ``folder`` is the stamp of the catalog's folder when it was written, ``platform`` what ``platform.yaml`` said.
    """

    def __init__(self, path: str, binding: str) -> None:
        """Open it. Raises `Unusable`."""
        if not os.path.isfile(path):
            raise Unusable
        # immutable: the file is never changed in place, so that no lock is taken and no journal is looked for
        quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        try:
            self._db = sqlite3.connect(f"file:{quoted}?mode=ro&immutable=1", uri=True)
        except sqlite3.Error:
            raise Unusable from None
        try:
            found = self._db.execute(
                "SELECT binding, mtime, ctime, size, inode, platform, checksum FROM about"
            ).fetchone()
        except sqlite3.Error:
            self.close()
            raise Unusable from None
        if found is None or found[0] != f"{FORMAT} {binding}" or found[6] != _checksum(found[1:5], found[5]):
            self.close()
            raise Unusable
        self.folder: Stamp = tuple(found[1:5])
        self.platform: bytes = found[5]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def row(self, name: str) -> Row | None:
        """One file's row. Raises `Unusable` where it is damaged."""
        found = self._select("WHERE name = ?", (name,))
        return found[0] if found else None

    def rows(self) -> dict[str, Row]:
        """Every row, by file name. Raises `Unusable` where one is damaged."""
        return {row.name: row for row in self._select("", ())}

    def _select(self, where: str, values: tuple[str, ...]) -> list[Row]:
        columns = "name, mtime, ctime, size, inode, kind, entry, route, checksum"
        try:
            found = self._db.execute(f"SELECT {columns} FROM files {where}", values).fetchall()  # noqa: S608 - constants only
            rows = [(Row(name, tuple(stamped), kind, entry, route), checksum)
                    for name, *stamped, kind, entry, route, checksum in found]  # fmt: skip
            if any(row.checksum() != checksum for row, checksum in rows):
                raise Unusable
        except (sqlite3.Error, TypeError, ValueError):
            raise Unusable from None
        return [row for row, _ in rows]


def _checksum(folder: Iterable[int], platform: object) -> int:
    return zlib.crc32(f"{tuple(folder)} {platform!r}".encode())


def write(path: str, binding: str, folder: Stamp, platform: bytes, rows: Iterable[Row]) -> None:
    """Put a new index in place of what is there; where that is not possible there is none, which is no fault."""
    beside = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _fresh(beside, binding, folder, platform, rows)
        os.replace(beside, path)
        _sweep(path)
    except (OSError, sqlite3.Error):
        _remove(beside)
    except BaseException:
        _remove(beside)
        raise


def _sweep(path: str) -> None:
    """Take away what processes that were killed left half written, a minute ago or more."""
    folder, name = os.path.split(path)
    with os.scandir(folder) as found:
        for each in found:
            if each.name.startswith(f"{name}.") and time.time() - each.stat().st_mtime > 60:  # noqa: PLR2004 - a minute
                _remove(each.path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _fresh(path: str, binding: str, folder: Stamp, platform: bytes, rows: Iterable[Row]) -> None:
    _remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        # A cut write never gets the name that is read, so nothing is paid for durability.
        db.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            BEGIN;
            CREATE TABLE about (binding TEXT, mtime INTEGER, ctime INTEGER, size INTEGER, inode INTEGER,
              platform BLOB, checksum INTEGER);
            CREATE TABLE files (name TEXT PRIMARY KEY, mtime INTEGER, ctime INTEGER, size INTEGER, inode INTEGER,
              kind TEXT, entry BLOB, route BLOB, checksum INTEGER) WITHOUT ROWID;"""
        )
        about = (f"{FORMAT} {binding}", *folder, platform, _checksum(folder, platform))
        db.execute("INSERT INTO about VALUES (?, ?, ?, ?, ?, ?, ?)", about)
        db.executemany(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((row.name, *row.stamp, row.kind, row.entry, row.route, row.checksum()) for row in rows),
        )
        db.execute("COMMIT")
    finally:
        db.close()
