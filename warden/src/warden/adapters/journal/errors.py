"""What can be wrong with the journal's file: each error names the file, the effect and what to do about it."""

import errno
import os
import pwd
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from warden.core.errors import Effect, JournalUnwritable
from warden.core.journal.encoding import DamagedRecord
from warden.core.remedies import OneOf, Remedy, RunProgram, SetVariable, warden

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
CLOSED_UNKNOWN = "Without the journal warden cannot tell which lanes are closed."
_ELSEWHERE = SetVariable("WARDEN_JOURNAL", "PATH")
_VERIFY = (warden("journal verify"),)


class Cause(NamedTuple):
    """What is wrong with the file, as a clause that follows its path, and what to do."""

    problem: str
    hint: str
    remedy: Remedy = ()


NOT_EMPTY = Cause("has records already, which are not mixed with others", "Use an empty one")


def unwritable(path: str, cause: Cause, context: str = "") -> JournalUnwritable:
    """The one error of the journal. ``context`` is a sentence in front of the hint.

    Its effect is that nothing was done; who has recorded something before knows better (`SqliteJournal`).
    """
    return JournalUnwritable(
        f"{path} {cause.problem}",
        effect=Effect.NOTHING_DONE,
        system="journal",
        subject=path,
        hint=f"{context} {cause.hint}".strip(),
        remedy=cause.remedy,
    )


def refuse_foreign(path: str) -> NoReturn:
    """The file is there and is not a journal."""
    raise unwritable(path, _FOREIGN)


def refuse_version(path: str, version: int, ours: int) -> NoReturn:
    """The journal is of a format that this warden does not know."""
    problem = f"has format {version}, and this warden reads format {ours}"
    raise unwritable(path, Cause(problem, "Use the warden that wrote it, or a newer one", (warden("--version"),)))


@contextmanager
def as_journal_error(path: str, context: str = "") -> Iterator[None]:
    """Every error of SQLite or the file system, as one kind of error that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise unwritable(path, _sqlite_cause(path, error), context) from None
    except OSError as error:
        raise unwritable(path, _os_cause(path, error), context) from None
    except DamagedRecord as fault:
        raise unwritable(path, Cause(f"is damaged: record {fault.seq} cannot be read", RESTORE), context) from None
    except UnicodeError:
        raise unwritable(path, Cause("is damaged: a record in it cannot be read", RESTORE), context) from None


def _permissions(path: str) -> Remedy:
    return (OneOf((RunProgram(("ls", "-ld"), (path,)), _ELSEWHERE)),)


def _disk(path: str) -> Remedy:
    return (RunProgram(("df", "-h"), (os.path.dirname(path),)),)


_FOREIGN = Cause("is not a journal of warden", RESTORE)
_SQLITE: dict[str, Callable[[str], Cause]] = {
    "READONLY": lambda path: Cause(
        "is read-only", f"Make it and its folder writable for {os_user()}, or use another", _permissions(path)
    ),
    "FULL": lambda path: Cause("cannot grow: the disk under it is full", "Free space", _disk(path)),
    "IOERR": lambda path: Cause(
        "cannot be read or written: the disk under it is full or faulty", "Check the disk", _disk(path)
    ),
    "BUSY": lambda path: Cause(
        f"has been locked by another program for {WAIT:.0f} s",
        "See which one",
        (RunProgram(("fuser", "-v"), (path,)),),
    ),
    "CORRUPT": lambda _: Cause("is damaged: SQLite cannot read it", RESTORE),
    "NOTADB": lambda _: _FOREIGN,
    "CANTOPEN": lambda path: Cause("cannot be opened", "Check its permissions, or use another", _permissions(path)),
    "CONSTRAINT": lambda _: Cause("does not take the next record", "Check it", _VERIFY),
}


def _sqlite_cause(path: str, error: sqlite3.Error) -> Cause:
    if "Could not decode to UTF-8" in str(error):  # Python's own error, without a code
        return Cause("is damaged: a record in it cannot be read", RESTORE)
    name = getattr(error, "sqlite_errorname", None) or ""
    cause = _SQLITE.get(name.removeprefix("SQLITE_").partition("_")[0])
    return cause(path) if cause else Cause("cannot be used", f"SQLite says: {error}. Check it", _VERIFY)


def _os_cause(path: str, error: OSError) -> Cause:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return _SQLITE["FULL"](path)
    if error.errno == errno.EROFS:
        return _SQLITE["READONLY"](path)
    problem = f"cannot be opened: {(error.strerror or 'no reason given').lower()}"
    return Cause(problem, "Check its permissions, or use another", _permissions(path))
