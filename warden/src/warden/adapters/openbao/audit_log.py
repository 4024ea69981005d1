"""The port AuditLog on the lines that OpenBao's file audit device writes: two JSON objects a request.

Format: https://openbao.org/docs/audit/ and measurements: paths, names, numbers and booleans are in clear, every other
value is an HMAC. OpenBao rotates on SIGHUP after somebody renamed the file: the file that was open at the mark is read
to its end and then every newer one beside it.
"""

import os
import shlex
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from warden.adapters.machine.child import environment
from warden.core.errors import Effect, Inconclusive, UsageError
from warden.core.evidence.statements import KeptLine
from warden.core.openbao.api import AuditLine, Handed
from warden.core.openbao.values import loads, logged
from warden.core.remedies import RunProgram

NONCE = "x-lane-probe"


class AuditFiles:
    """Audit logs in files: one path, or every file of a directory. Several devices are read as one."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.where = ", ".join(paths)
        self._paths = tuple(paths)
        self._marks = {_identity(path): os.path.getsize(path) for path in self._files()}

    def lines(self, needle: str) -> list[AuditLine]:
        """Everything since the mark, oldest first."""
        found = [line for path in self._readable() for line in _parsed(self._new_lines(path), needle)]
        return sorted(found, key=lambda line: line.at)

    def handed(self, paths: Sequence[str]) -> list[Handed]:
        """The reads since the mark, oldest first."""
        found = [line for path in self._readable() for line in _handed(self._new_lines(path), paths)]
        return sorted(found, key=lambda line: line.at)

    def _readable(self) -> list[str]:
        missing = [path for path in self._paths if not os.path.exists(path)]
        if len(missing) == len(self._paths):
            raise self._unreadable(missing, "there is no such file")
        return self._files()

    def _files(self) -> list[str]:
        """The named files and, beside each, the rotated ones: those whose names begin with its name or stem."""
        found: dict[tuple[int, int], str] = {}
        for path in self._paths:
            directory, name = (path, "") if os.path.isdir(path) else os.path.split(path)
            stem = name.removesuffix(".log")
            try:
                beside = sorted(os.listdir(directory or "."))
            except OSError:
                continue
            for entry in beside:
                full = os.path.join(directory, entry)
                if entry.startswith(stem) and os.path.isfile(full):
                    found.setdefault(_identity(full), full)
        return list(found.values())

    def _new_lines(self, path: str) -> Iterator[bytes]:
        try:
            with open(path, "rb") as file:
                file.seek(self._marks.get(_identity(path), 0))
                yield from file
        except OSError as fault:
            raise self._unreadable([path], os.strerror(fault.errno or 0).lower()) from None

    def _unreadable(self, paths: Sequence[str], why: str) -> Inconclusive:
        return Inconclusive(
            f"the audit log {', '.join(paths)} cannot be read here ({why}); without its lines nothing is proven",
            system="audit log",
            subject=self.where,
            hint="name it where it can be read: --audit FILE, or --audit-command 'ssh NODE cat FILE'",
        )


class AuditCommand:
    """A command that prints the audit log of another node; it is run after the probes, without a shell."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.where = " ".join(argv)
        self._argv = list(argv)

    def lines(self, needle: str) -> list[AuditLine]:
        """Run the command and take the lines that carry the needle: nonces are unique, so no mark is needed."""
        return list(_parsed(self._printed(), needle))

    def handed(self, paths: Sequence[str]) -> list[Handed]:
        """Run the command and take every read of the paths; who asks knows from when on they count."""
        return sorted(_handed(self._printed(), paths), key=lambda line: line.at)

    def _printed(self) -> list[bytes]:
        try:
            done = subprocess.run(
                self._argv,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=environment(os.environ),
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise self._unusable("it could not be run, or took longer than 60 s") from None
        if done.returncode:
            raise self._unusable(f"it ended with code {done.returncode}")
        return done.stdout.splitlines()

    def _unusable(self, why: str) -> Inconclusive:
        return Inconclusive(
            f"the audit command gave no lines ({why}); without them nothing is proven",
            system="audit log",
            subject=self._argv[0],
            hint="try it by hand",
            remedy=(RunProgram(tuple(self._argv)),),
        )


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def entry_in(raw: bytes) -> dict[str, Any]:
    """What a line says; nothing for one that is being written, or that is not one of an audit device's."""
    try:
        entry = loads(raw)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def account_in(metadata: Mapping[str, Any]) -> str:
    """The service account of a login at a cluster's auth mount, as ``namespace/name``; empty for any other login."""
    account = f"{metadata.get('service_account_namespace', '')}/{metadata.get('service_account_name', '')}"
    return account if account != "/" else ""


def _parsed(lines: Iterable[bytes], needle: str) -> Iterator[AuditLine]:
    """The lines of ours. The search for the needle comes first: a busy server writes thousands that are not."""
    sought = needle.encode()
    for raw in lines:
        if sought not in raw:
            continue
        line = _line(entry_in(raw))
        if line.nonce.startswith(needle):
            yield line


def kept_lines(lines: Iterable[bytes], runs: Collection[str]) -> Iterator[KeptLine]:
    """The lines whose nonce begins with one of these runs, each with the hash of the whole line."""
    for raw in lines:
        if not runs or NONCE.encode() not in raw:
            continue
        try:
            line = _line(entry_in(raw))
        except (AttributeError, TypeError):
            continue
        if line.nonce.startswith(tuple(runs)):
            yield KeptLine(line=line, sha256=sha256(raw.rstrip(b"\r\n")).hexdigest())


def _line(entry: Mapping[str, Any]) -> AuditLine:
    request, auth = entry.get("request") or {}, entry.get("auth") or {}
    results = auth.get("policy_results") or {}
    return AuditLine(
        id=request.get("id", ""),
        kind=entry.get("type", ""),
        at=entry.get("time", ""),
        path=request.get("path", ""),
        nonce=next(iter((request.get("headers") or {}).get(NONCE) or ()), ""),
        display_name=auth.get("display_name", ""),
        entity=auth.get("entity_id", ""),
        granted_by=tuple(sorted({policy.get("name", "") for policy in results.get("granting_policies") or ()})),
    )


def _handed(lines: Iterable[bytes], paths: Sequence[str]) -> Iterator[Handed]:
    """The answered reads of these paths; what the lines of other requests would cost to parse is saved."""
    wanted = frozenset(paths)
    for raw in lines:
        if b'"response"' not in raw or b"/data/" not in raw:
            continue
        entry = entry_in(raw)
        request, answer = entry.get("request") or {}, (entry.get("response") or {}).get("data") or {}
        if request.get("path") in wanted and request.get("operation") == "read" and answer.get("data"):
            yield _read(entry, request, answer)


def _read(entry: Mapping[str, Any], request: Mapping[str, Any], answer: Mapping[str, Any]) -> Handed:
    auth = entry.get("auth") or {}
    who = auth.get("metadata") or {}
    metadata = answer.get("metadata") or {}
    empty = metadata.get("deletion_time", "")  # of a version that is there, hashed like every text
    return Handed(
        id=request.get("id", ""),
        at=entry.get("time", ""),
        path=request["path"],
        display_name=auth.get("display_name", ""),
        role=who.get("role", ""),
        account=account_in(who),
        uid=who.get("service_account_uid", ""),
        version=int(metadata.get("version") or 0),
        hashes={field: logged(value, empty) for field, value in answer["data"].items()},
    )


def audit_command(command: str) -> AuditCommand:
    """The log as this command prints it; no shell is used. Raises `UsageError` where it is not a command."""
    return AuditCommand(words_of(command))


def words_of(command: str) -> list[str]:
    """The words, split as a shell would. Raises `UsageError` where there are none."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise UsageError(
            "--audit-command is not a command: it is empty, or a quote is left open", effect=Effect.NOTHING_ASKED
        )
    return words
