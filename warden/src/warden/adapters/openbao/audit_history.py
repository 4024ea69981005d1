"""The port AuditHistory on the files that an audit device writes, rotated ones included (``.1``, ``.gz``).

Lines are read one by one, and only those are parsed that name a path that is asked for.
"""

import gzip
import os
import subprocess
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import IO, Any

from warden.adapters.machine.child import environment
from warden.adapters.openbao.audit_log import entry_in, kept_lines, words_of
from warden.adapters.openbao.audit_survey import Survey
from warden.core.access_index.history import Act, Actor, History
from warden.core.access_index.readings import Asked, Surveyed
from warden.core.evidence.statements import Kept, KeptLine
from warden.core.openbao.api import role_in

Progress = Callable[[int, int], None]
_STEP = 4 * 1024 * 1024
"""Bytes between two reports of progress."""
_UNREADABLE = (OSError, EOFError, zlib.error)
_READS = frozenset({"read"})
_WRITES = frozenset({"create", "update", "patch", "delete"})


class AuditFilesHistory:
    """Audit logs in files: each path, and every file beside it whose name begins with its name."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)

    def last(self, acts: Collection[Act], progress: Progress | None = None) -> History:
        """As the port says."""
        files = _files(self._paths)
        if not files:
            return History(why="there is no such file")
        whole = sum(os.path.getsize(each) for each in files)
        gathered = _Gathered(acts)
        done = 0
        try:
            for path in files:
                with _opened(path) as file:
                    gathered.take(_reported(file, done, whole, progress))
                done += os.path.getsize(path)
        except _UNREADABLE as fault:
            return History(why=_why(fault))
        return gathered.history()

    def survey(self, asked: Asked, progress: Progress | None = None) -> Surveyed:
        """As the port says; one file that cannot be read does not hide the others."""
        survey, unread, done = Survey(asked), list[str](), 0
        files = _files(self._paths)
        whole = sum(os.path.getsize(each) for each in files)
        for path in files:
            try:
                with _opened(path) as file:
                    survey.take(_reported(file, done, whole, progress))
                done += os.path.getsize(path)
            except _UNREADABLE as fault:
                unread.append(f"{path}: {_why(fault)}")
        missing = [path for path in self._paths if not os.path.exists(path)]
        why = "; ".join([*unread, *(f"{each}: there is no such file" for each in missing)])
        return survey.surveyed(files=len(files) - len(unread), why=why)

    def kept(self, runs: Collection[str]) -> Kept:
        """As the port says."""
        lines: list[KeptLine] = []
        files = _files(self._paths)
        for path in files:
            try:
                with _opened(path) as file:
                    lines += kept_lines(file, runs)
            except _UNREADABLE as fault:
                return Kept(tuple(lines), f"{path}: {_why(fault)}")
        return Kept(tuple(lines), "" if files else "there is no such file")


class AuditCommandHistory:
    """A command that prints the audit log of another node; it is run without a shell."""

    def __init__(self, command: str) -> None:
        self._argv = words_of(command)

    def last(self, acts: Collection[Act], progress: Progress | None = None) -> History:
        """As the port says."""
        gathered = _Gathered(acts)
        why = self._run(gathered.take, progress)
        return History(why=why) if why else gathered.history()

    def survey(self, asked: Asked, progress: Progress | None = None) -> Surveyed:
        """As the port says."""
        survey = Survey(asked)
        return survey.surveyed(files=0, why=self._run(survey.take, progress))

    def kept(self, runs: Collection[str]) -> Kept:
        """As the port says."""
        lines: list[KeptLine] = []
        why = self._run(lambda printed: lines.extend(kept_lines(printed, runs)), None)
        return Kept(tuple(lines), why)

    def _run(self, take: Callable[[Iterable[bytes]], None], progress: Progress | None) -> str:
        """Why the command did not print it, or not all of it; empty where it did."""
        try:
            with subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(os.environ),
            ) as child:
                if child.stdout is not None:
                    take(_reported(child.stdout, 0, 0, progress))
        except OSError:
            return "the audit command could not be run"
        return "the audit command did not end well" if child.returncode else ""


class NoHistory:
    """Where no audit log is known."""

    def __init__(self, why: str) -> None:
        self._why = why

    def last(self, acts: Collection[Act], progress: Progress | None = None) -> History:  # noqa: ARG002 - the port's
        """Nothing, and why."""
        return History(why=self._why)

    def survey(self, asked: Asked, progress: Progress | None = None) -> Surveyed:  # noqa: ARG002 - the port's
        """Nothing, and why."""
        return Surveyed(why=self._why)

    def kept(self, runs: Collection[str]) -> Kept:  # noqa: ARG002 - the port's
        """Nothing, and why."""
        return Kept((), self._why)


class _Gathered:
    """The last time of each act of each actor, over all lines."""

    def __init__(self, acts: Collection[Act]) -> None:
        self._acts = {(kind, path): (kind, path) for kind, path in acts}
        self._needles = tuple({path.encode() for _, path in acts})
        self._last: dict[tuple[Act, Actor], str] = {}
        self._since = ""

    def take(self, lines: Iterable[bytes]) -> None:
        """Read these lines."""
        first = True
        for raw in lines:
            if first:
                at = _time_of(raw)
                if at:
                    self._since = min(filter(None, (self._since, at)))
                    first = False
            if b'"response"' in raw and any(needle in raw for needle in self._needles):
                self._note(raw)

    def _note(self, raw: bytes) -> None:
        entry = entry_in(raw)
        request, auth = entry.get("request") or {}, entry.get("auth") or {}
        if entry.get("type") != "response" or entry.get("error"):
            return
        space = str((request.get("namespace") or {}).get("path") or "")
        path, operation = f"{space}{request.get('path', '')}", request.get("operation")
        kind = "read" if operation in _READS else "write" if operation in _WRITES else ""
        act = self._acts.get((kind, path))
        if act is None:
            return
        key = (act, _actor(auth))
        at = str(entry.get("time") or "")
        self._last[key] = max(self._last.get(key, ""), at)

    def history(self) -> History:
        """What was found."""
        return History(since=self._since, last=self._last) if self._since else History(why="it is empty")


def _actor(auth: dict[str, Any]) -> Actor:
    said = auth.get("metadata") or {}
    return Actor(str(auth.get("entity_id") or ""), role_in(said), str(auth.get("display_name") or ""))


def _time_of(raw: bytes) -> str:
    return str(entry_in(raw).get("time") or "")


def _why(fault: BaseException) -> str:
    """What keeps a file from being read to its end."""
    return getattr(fault, "strerror", None) or "it is cut off"


def _files(paths: Sequence[str]) -> list[str]:
    """The files that were named, or are in a directory that was, and the rotated ones beside each."""
    found: dict[tuple[int, int], str] = {}
    for path in paths:
        directory, name = (path, "") if os.path.isdir(path) else os.path.split(path)
        try:
            beside = sorted(os.listdir(directory or "."))
        except OSError:
            continue
        for each in beside:
            full = os.path.join(directory, each)
            if each.startswith(name.removesuffix(".log")) and os.path.isfile(full):
                status = os.stat(full)
                found.setdefault((status.st_dev, status.st_ino), full)
    return list(found.values())


def _opened(path: str) -> IO[bytes]:
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")  # type: ignore[return-value]


def _reported(file: Iterable[bytes], done: int, whole: int, progress: Progress | None) -> Iterator[bytes]:
    """The lines, with a report now and then."""
    told = here = 0
    for line in file:
        here += len(line)
        if progress is not None and here - told >= _STEP:
            told = here
            progress(min(done + here, whole) if whole else here, whole)
        yield line
