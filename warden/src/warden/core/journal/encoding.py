"""Records as they are stored: the canonical text of a body, and the rows that follow the newest one.

A journal of any kind stores these rows as they are, so that each verifies by the same walk (`chain`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from warden.core.journal.chain import Head, Row, link
from warden.core.journal.record import Record

Entry = tuple[str, str, str]
"""Event, lane and the canonical text of the body."""


def entry(event: str, lane: str, body: Mapping[str, Any]) -> Entry:
    """What is to be recorded, as text. Raises `TypeError` for a body that holds more than plain JSON."""
    text = msgspec.json.encode(_plain_json(body), order="deterministic").decode()
    return _encodable(event), _encodable(lane), text


def following(head: Head, at: datetime, actor: str, entries: Sequence[Entry]) -> list[Row]:
    """The rows of these entries, chained to the one before them."""
    rows, stamp = [], at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for event, lane, body in entries:
        seq = head.seq + 1
        digest = link(head.hash, (seq, stamp, event, lane, actor), body)
        rows.append(Row(seq=seq, at=stamp, event=event, lane=lane, actor=actor, body=body, hash=digest))
        head = Head(digest, seq)
    return rows


class DamagedRecord(ValueError):
    """A stored record is not what any version has written."""

    def __init__(self, seq: object) -> None:
        super().__init__(seq)
        self.seq = seq


def record(row: Row) -> Record:
    """The row with its body read. Raises `DamagedRecord` where that is not an object in JSON, or has no right time."""
    try:
        body: Mapping[str, Any] = msgspec.json.decode(row.body, type=dict[str, Any])
        timed = datetime.fromisoformat(row.at).tzinfo is not None
    except (ValueError, TypeError):  # msgspec's errors are ValueErrors
        timed = False
    if not timed or not all(isinstance(each, str) for each in (row.event, row.lane, row.actor, row.hash)):
        raise DamagedRecord(row.seq)
    return Record(seq=row.seq, at=row.at, event=row.event, lane=row.lane, actor=row.actor, body=body, hash=row.hash)


def _plain_json(value: object) -> object:
    """Plain JSON only: an object with a meaning of its own (a Secret above all) has no place in a journal."""
    if isinstance(value, str):
        return _encodable(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {_text_key(key): _plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_json(item) for item in value]
    raise TypeError(f"a journal body holds plain JSON, not {type(value).__name__}")


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a journal body has text as keys, not {type(key).__name__}")
    return _encodable(key)


def _encodable(text: str) -> str:
    """File names of any bytes reach us as lone surrogates, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
