"""Whether a Secret held something else than what was delivered to it until the refresh, and who may have written it.

A field with another value, one that was missing, one that is not the lane's.

The refresh that `prove` requests repairs a Secret that somebody wrote into by hand, so that nothing wrong is left to be
seen: without this check nobody would learn of it. A value that merely was of an older version is not reported. Either
of two facts tells them apart: another manager than External Secrets Operator wrote the field (Kubernetes, *Server-Side
Apply*, ``managedFields``: a write that changes a value takes the field over), or the operator had already delivered
the version that is in OpenBao.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from warden.core.openbao.api import Handed
from warden.core.proofs.delivery_details import Overwritten, OverwrittenField, Writer
from warden.core.proofs.delivery_observation import DeliveryObservation, EarlierSecret
from warden.core.proofs.delivery_verdict import verdict_on
from warden.core.proofs.delivery_verdicts import handed_over
from warden.core.proofs.verdict import Verdict
from warden.core.quoting import quoted

OPERATOR = "externalsecrets.external-secrets.io/"
"""What the name begins with by which External Secrets Operator writes a Secret; its own follows (0.20.4, measured)."""


def overwritten(seen: DeliveryObservation, handed: Sequence[Handed]) -> tuple[Verdict, ...]:
    """A remark where the Secret held something else until now; nothing where it did not or that is not known."""
    line = handed_over(seen, handed)
    if line is None or seen.earlier is None:
        return ()
    fields = (*_changed(seen, seen.earlier, line), *_removed(seen, seen.earlier, line), *_added(seen, seen.earlier))
    if not fields:
        return ()
    return (verdict_on(seen.target, "healed", "ok", "healed", Overwritten(fields)),)


def _changed(seen: DeliveryObservation, earlier: EarlierSecret, line: Handed) -> Iterator[OverwrittenField]:
    """Fields with another value than was handed out."""
    fields = sorted(
        each
        for each, hashed in line.hashes.items()
        if hashed and each in earlier.hashes and hashed not in {earlier.hashes[each], earlier.fingerprints.get(each)}
    )
    if any(_writers(earlier, field) for field in fields) or _was_delivered(seen):
        for field in fields:
            yield OverwrittenField(field, "changed", _writers(earlier, field))


def _removed(seen: DeliveryObservation, earlier: EarlierSecret, line: Handed) -> Iterator[OverwrittenField]:
    """Fields that had been delivered and were not there. ``managedFields`` does not name who removes a field."""
    if _was_delivered(seen):
        for field in sorted(line.hashes.keys() & set(seen.target.lane.custody.fields) - earlier.fields):
            yield OverwrittenField(field, "removed")


def _added(seen: DeliveryObservation, earlier: EarlierSecret) -> Iterator[OverwrittenField]:
    """Fields that are not the lane's, written by somebody else than the operator and gone now."""
    left = seen.secret.values.keys() if seen.secret else ()
    for field in sorted(earlier.fields.difference(seen.target.lane.custody.fields, left)):
        if writers := _writers(earlier, field):
            yield OverwrittenField(field, "added", writers)


def _writers(earlier: EarlierSecret, field: str) -> tuple[Writer, ...]:
    """Who else than the operator wrote the field, and when (ISO 8601 UTC)."""
    return tuple(
        Writer(quoted(str(entry.get("manager") or "")), str(entry.get("time") or ""))
        for entry in earlier.metadata.get("managedFields") or ()
        if not str(entry.get("manager") or "").startswith(OPERATOR) and f"f:{field}" in _data_fields(entry)
    )


def _data_fields(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (entry.get("fieldsV1") or {}).get("f:data") or {}
    return found


def _was_delivered(seen: DeliveryObservation) -> bool:
    """Whether the operator's last refresh before this one was after the newest version was written."""
    earlier = seen.earlier
    if earlier is None or earlier.written is None or not earlier.refreshed:
        return False
    return dt.datetime.fromisoformat(earlier.refreshed) > earlier.written and seen.versions[0] == seen.versions[1]
