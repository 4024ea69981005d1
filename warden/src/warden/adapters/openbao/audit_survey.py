"""Reads an audit log once, line by line: who read one path, and which values stand at others, by their keyed hashes.

Format: https://openbao.org/docs/audit/ and measurements, as in `audit_log`. Of a request that several devices logged
one line counts. No line is kept; of values only what the log has, which the server has hashed.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from warden.adapters.openbao.audit_log import account_in, entry_in
from warden.core.access_index.readings import Asked, LoggedValue, Reading, Surveyed, merged
from warden.core.openbao.api import role_in
from warden.core.openbao.values import is_text, logged

_WRITES = frozenset({"create", "update", "patch"})
_PROBE = "x-lane-probe"


class Survey:
    """Gathers over all lines of all files."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._readings: dict[str, Reading] = {}
        self._ids: set[str] = set()
        self._own: dict[str, set[str]] = {}
        self._values: dict[str, dict[str, LoggedValue]] = {}
        self._begins: dt.datetime | None = None

    def take(self, lines: Iterable[bytes]) -> None:
        """Read these lines; those that are not audit lines are skipped."""
        first = True
        for raw in lines:
            if first and (at := _time_of(entry_in(raw))) is not None:
                self._begins = min(filter(None, (self._begins, at)))
                first = False
            if b'"response"' in raw and b"/data/" in raw:
                self._note(entry_in(raw))

    def surveyed(self, *, files: int, why: str = "") -> Surveyed:
        """What was found."""
        return Surveyed(
            readings=merged(self._readings.values()),
            begins=_iso(self._begins) if self._begins else "",
            why=why or ("" if self._begins else "it is empty"),
            files=files,
            own={field: frozenset(found) for field, found in self._own.items()},
            values=self._values,
        )

    def _note(self, entry: Mapping[str, Any]) -> None:
        request, answer = entry.get("request") or {}, entry.get("response") or {}
        if entry.get("type") != "response" or entry.get("error") or not answer:
            return
        space = str((request.get("namespace") or {}).get("path") or "")
        path, operation = f"{space}{request.get('path', '')}", request.get("operation")
        if operation == "read":
            self._note_values(path, answer.get("data") or {}, answer.get("data") or {})
            if path == self._asked.path:
                self._note_reading(entry, request, answer)
        elif operation in _WRITES and "/data/" in path:
            self._note_values(path, request.get("data") or {}, answer.get("data") or {})

    def _note_reading(self, entry: Mapping[str, Any], request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        at, number = _time_of(entry), str(request.get("id") or "")
        if at is None or number in self._ids or not self._asked.covers(at):
            return
        self._ids.add(number)
        auth = entry.get("auth") or {}
        accessor = str(auth.get("accessor") or "")
        key = accessor or str(auth.get("display_name") or "")
        before = self._readings.get(key) or _reader(accessor, auth)
        version = int((((answer.get("data") or {}).get("metadata")) or {}).get("version") or 0)
        early = self._asked.since is not None and at < self._asked.since
        moment = _iso(at)
        self._readings[key] = msgspec.structs.replace(
            before,
            policies=_with(before.policies, *_granting(auth)),
            addresses=_with(before.addresses, str(request.get("remote_address") or "")),
            first=min(filter(None, (before.first, moment))),
            last=max(before.last, moment),
            count=before.count + 1,
            versions=tuple(sorted({*before.versions, *([version] if version else [])})),
            wrapped=before.wrapped + bool(answer.get("wrap_info")),
            probes=before.probes + any(name.lower() == _PROBE for name in request.get("headers") or {}),
            early=before.early + early,
        )

    def _note_values(self, path: str, holder: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """`holder` has the fields below ``data``; the version is of a read's metadata, or a write's answer."""
        fields = holder.get("data")
        if not isinstance(fields, dict):
            return
        metadata = answer.get("metadata") or answer
        version = int(metadata.get("version") or 0)
        for field, value in fields.items():
            hashed = logged(value, metadata.get("deletion_time", ""))
            if not is_text(hashed):
                continue
            if path == self._asked.path:
                self._own.setdefault(str(field), set()).add(hashed)
                continue
            here = self._values.setdefault(path, {})
            if str(field) not in here or here[str(field)].version <= version:
                here[str(field)] = LoggedValue(version, hashed)


def _reader(accessor: str, auth: Mapping[str, Any]) -> Reading:
    said = auth.get("metadata") or {}
    return Reading(
        accessor=accessor,
        display_name=str(auth.get("display_name") or ""),
        entity=str(auth.get("entity_id") or ""),
        role=role_in(said),
        account=account_in(said),
    )


def _granting(auth: Mapping[str, Any]) -> tuple[str, ...]:
    results = (auth.get("policy_results") or {}).get("granting_policies") or ()
    return tuple(str(each.get("name") or "") for each in results)


def _with(known: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(sorted({*known, *filter(None, more)}))


def _time_of(entry: Mapping[str, Any]) -> dt.datetime | None:
    """The line's own time, whatever the zone that its node writes it in."""
    try:
        found = dt.datetime.fromisoformat(str(entry.get("time") or ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
