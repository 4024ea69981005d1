"""What can be wrong with the journal's file, in words: each fault names the file and what to do about it."""

import errno
import os
import pwd
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import msgspec

from warden.core.errors import JournalUnwritable

WAIT = 5.0
"""Seconds to wait for another writer."""


def os_user() -> str:
    """The operating system's name for who runs this; never an environment variable."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


RESTORE = (
    "Keep the file as evidence and put the newest good copy in its place: an empty journal would not know "
    "which lanes are closed."
)
_LEFT = "it was left as it is and nothing else was done"
_ELSEWHERE = "Or name another journal: WARDEN_JOURNAL=PATH."


def unwritable(path: str, therefore: str, what: str, hint: str) -> JournalUnwritable:
    """The one error of the journal: what is so with the file, what therefore did not happen, what to do."""
    return JournalUnwritable(f"{path} {what}", therefore, subject=path, hint=hint)


def refuse_foreign(path: str) -> NoReturn:
    """The file is there and is not a journal."""
    raise unwritable(path, _LEFT, "is no journal of warden's", RESTORE)


def refuse_version(path: str, version: int, ours: int) -> NoReturn:
    """The journal is of a format that this warden does not know."""
    what = f"has format {version}, and this warden reads format {ours}"
    hint = "Use the warden that wrote it, or a newer one: warden --version."
    raise unwritable(path, _LEFT, what, hint)


@contextmanager
def told(path: str, therefore: str) -> Iterator[None]:
    """Everything that SQLite or the file system can say, as one kind of error that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise unwritable(path, therefore, *_sqlite_cause(path, error)) from None
    except OSError as error:
        raise unwritable(path, therefore, *_os_cause(path, error)) from None
    except (msgspec.DecodeError, UnicodeError):
        raise unwritable(path, therefore, "is damaged: a record in it cannot be read", RESTORE) from None


_Cause = Callable[[str], tuple[str, str]]

_SQLITE: dict[str, _Cause] = {
    "READONLY": lambda path: (
        "is read-only",
        f"Make it and its folder writable for {os_user()}: ls -ld {path}. {_ELSEWHERE}",
    ),
    "FULL": lambda path: ("cannot grow: the disk under it is full", f"Free space: df -h {os.path.dirname(path)}."),
    "IOERR": lambda path: (
        "cannot be read or written: the disk under it is full or faulty",
        f"Look at the disk: df -h {os.path.dirname(path)}.",
    ),
    "BUSY": lambda path: (f"has been locked by another program for {WAIT:.0f} s", f"See which: fuser -v {path}."),
    "CORRUPT": lambda _: ("is damaged: SQLite cannot read it", RESTORE),
    "NOTADB": lambda _: ("is no journal of warden's", RESTORE),
    "CANTOPEN": lambda path: ("cannot be opened", f"Look at its rights: ls -ld {path}. {_ELSEWHERE}"),
    "CONSTRAINT": lambda _: ("does not take the next record", "Look at it: warden journal verify."),
}


def _sqlite_cause(path: str, error: sqlite3.Error) -> tuple[str, str]:
    name = getattr(error, "sqlite_errorname", None) or ""
    cause = _SQLITE.get(name.removeprefix("SQLITE_").partition("_")[0])
    return cause(path) if cause else ("cannot be used", f"SQLite says: {error}. Look at it: warden journal verify.")


def _os_cause(path: str, error: OSError) -> tuple[str, str]:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return _SQLITE["FULL"](path)
    if error.errno == errno.EROFS:
        return _SQLITE["READONLY"](path)
    what = f"cannot be opened ({(error.strerror or 'no reason given').lower()})"
    return what, f"Look at its rights: ls -ld {path}. {_ELSEWHERE}"
