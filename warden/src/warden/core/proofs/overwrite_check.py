"""Whether a Secret held something else than what was delivered to it until the refresh, and who may have done it.

A field with another value, one that was missing, one that is none of the lane's.

The refresh that `prove` asks for mends a Secret that somebody wrote into by hand, so that nothing wrong is left to be
seen: without this nobody would learn of it. A value that only was of an older version is no such thing. Two facts tell
them apart, either is enough: another manager than External Secrets Operator wrote the field (Kubernetes, *Server-Side
Apply*, ``managedFields``: a write that changes a value takes the field over), or the operator had already delivered the
version that is in OpenBao.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.openbao.api import Handed
from warden.core.proofs.delivery_observation import Before, DeliverySeen
from warden.core.proofs.delivery_verdicts import handed_over, quoted
from warden.core.proofs.proof import Verdict, finding

HEALED = "healed"
"""The id of the verdict."""

OPERATOR = "externalsecrets.external-secrets.io/"
"""What the name begins with by which External Secrets Operator writes a Secret; its own follows (0.20.4, measured)."""


def healed(seen: DeliverySeen, handed: Sequence[Handed]) -> tuple[Verdict, ...]:
    """A remark where the Secret held something else until now; nothing where it did not, or where that is not known."""
    line = handed_over(seen, handed)
    if line is None or seen.before is None:
        return ()
    parts = [*_changed(seen, seen.before, line), *_removed(seen, seen.before, line), *_added(seen, seen.before)]
    if not parts:
        return ()
    told = finding(HEALED, "something else was in it, until this refresh", reader=seen.target.label, word="ok")
    detail = "; ".join([*parts, "what read it meanwhile has it as it was"])
    return (msgspec.structs.replace(told, observed="HEALED", detail=detail),)


def _changed(seen: DeliverySeen, before: Before, line: Handed) -> Iterator[str]:
    """Fields with another value than was handed out."""
    hashes = before.hashes
    fields = sorted(each for each, hashed in line.hashes.items() if hashed and hashed != hashes.get(each, hashed))
    writers = list(_writers(before.metadata, fields))
    if fields and (writers or _was_delivered(seen)):
        yield f"{', '.join(fields)}: {_by_whom(writers)}"


def _removed(seen: DeliverySeen, before: Before, line: Handed) -> Iterator[str]:
    """Fields that had been delivered and were not there. Who removes a field is no longer named for it."""
    fields = sorted(line.hashes.keys() & set(seen.target.lane.custody.fields) - before.fields)
    if fields and _was_delivered(seen):
        yield f"{', '.join(fields)}: removed; by whom cannot be told"


def _added(seen: DeliverySeen, before: Before) -> Iterator[str]:
    """Fields that are not the lane's, written by another one than the operator and gone now."""
    left = seen.secret.values.keys() if seen.secret else ()
    for field in sorted(before.fields.difference(seen.target.lane.custody.fields, left)):
        if writers := list(_writers(before.metadata, [field])):
            yield f"{field}, which is none of the lane's: {_by_whom(writers)}"


def _by_whom(writers: Sequence[tuple[str, str]]) -> str:
    if not writers:
        return "who wrote it cannot be told (managedFields name nobody)"
    named = (f"{quoted(manager)} at {at or 'a time not recorded'}" for manager, at in writers)
    return f"written by {' and '.join(named)}"


def _writers(metadata: Mapping[str, Any], fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Who else wrote one of these fields: manager, and time as the API server recorded it (ISO 8601 UTC)."""
    for entry in metadata.get("managedFields") or ():
        manager = str(entry.get("manager") or "")
        below = (entry.get("fieldsV1") or {}).get("f:data") or {}
        if not manager.startswith(OPERATOR) and any(f"f:{field}" in below for field in fields):
            yield manager or "nobody named", str(entry.get("time") or "")


def _was_delivered(seen: DeliverySeen) -> bool:
    """Whether the operator's last refresh before this one was after the newest version was written."""
    before = seen.before
    if before is None or before.written is None or not before.refreshed:
        return False
    return dt.datetime.fromisoformat(before.refreshed) > before.written and seen.versions[0] == seen.versions[1]
