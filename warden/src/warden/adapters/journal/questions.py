"""What is asked of stored records, in SQL that SQLite and PostgreSQL both understand.

They differ in how a field of the body, which is text, is read (`Field`); values stand as ``?``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from warden.core.journal.operations import ENDS
from warden.core.journal.state import DECIDING

COLUMNS = "seq, at, event, lane, actor, body, hash"

Field = Callable[[str, str], str]
"""The SQL of a field, by the column that holds the body and the field's name."""


class Question(NamedTuple):
    """A statement and its values."""

    sql: str
    values: tuple[object, ...] = ()


def _one_of(column: str, names: Iterable[str]) -> str:
    """Constants only; written alike wherever it has to match a partial index."""
    return f"{column} IN ('" + "', '".join(names) + "')"


DECIDING_EVENTS = _one_of("event", DECIDING)
LAST = Question("SELECT hash, seq FROM journal ORDER BY seq DESC LIMIT 1")
FIRST = Question("SELECT hash FROM journal WHERE seq = 1")
_RECENT = """b.seq >= (SELECT min(seq) FROM (
  SELECT seq FROM journal WHERE lane = ? ORDER BY seq DESC LIMIT ?) AS recent)"""
INSERT = f"INSERT INTO journal ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only


def state(field: Field, lane: str | None = None) -> Question:
    """The newest record of each deciding event at each place; of one lane, or of each."""
    of_one, by = ("AND lane = ?", "") if lane is not None else ("", "lane, ")
    where, place = f"WHERE {DECIDING_EVENTS} {of_one}", field("body", "place")
    newest = f"SELECT max(seq) FROM journal {where} GROUP BY {by}event, {place}"  # noqa: S608 - constants only
    sql = f"SELECT {COLUMNS} FROM journal WHERE seq IN ({newest}) ORDER BY seq"  # noqa: S608 - as above
    return Question(sql, (lane,) if lane is not None else ())


def unfinished(field: Field, lane: str | None, last: int) -> Question:
    """The records that begin an operation which has no end; of one lane, among its `last` records (0: all)."""
    ends = " OR ".join(f"b.event = '{begin}' AND {_one_of('e.event', ends)}" for begin, ends in ENDS.items())
    later = f"SELECT 1 FROM journal AS e WHERE e.lane = b.lane AND e.seq > b.seq AND ({ends})"  # noqa: S608 - as above
    # Two questions, not one with OR: so PostgreSQL looks ends up by their number, and does not compare all with all.
    named = f"{later} AND {field('e.body', 'begin')} = {field('b.seq', '')}"
    sql = (
        f"SELECT {COLUMNS} FROM journal AS b WHERE {_one_of('b.event', ENDS)} AND NOT EXISTS ({named})"  # noqa: S608 - as above
        f" AND ({field('b.body', 'process')} IS NOT NULL OR NOT EXISTS ({later}))"
    )
    values: tuple[object, ...] = ()
    if lane is not None:
        sql, values = f"{sql} AND b.lane = ?", (lane,)
    if lane is not None and last:
        sql, values = f"{sql} AND {_RECENT}", (*values, lane, last)
    return Question(f"{sql} ORDER BY b.seq", values)


def log(lane: str | None, last: int, events: Sequence[str], after: int) -> Question:
    """The newest records first: after that number, of one lane, of these events, and not more than `last` (0: all)."""
    wanted: list[tuple[str, Sequence[object]]] = [("seq > ?", (after,))]
    wanted += [("lane = ?", (lane,))] if lane is not None else []
    wanted += [(f"event IN ({', '.join('?' * len(events))})", events)] if events else []
    where = " AND ".join(clause for clause, _ in wanted)
    values = tuple(value for _, each in wanted for value in each)
    sql = f"SELECT {COLUMNS} FROM journal WHERE {where} ORDER BY seq DESC"  # noqa: S608 - constants only
    return Question(f"{sql} LIMIT ?", (*values, last)) if last else Question(sql, values)


def rows(after: int | None, most: int, events: Sequence[str], lane: str | None = None) -> Question:
    """At most so many rows, oldest first: all, or those after that number, of these events, of a lane."""
    wanted: list[tuple[str, Sequence[object]]] = [("seq > ?", (after,))] if after is not None else []
    wanted += [(f"event IN ({', '.join('?' * len(events))})", events)] if events else []
    wanted += [("lane = ?", (lane,))] if lane is not None else []
    where = f"WHERE {' AND '.join(clause for clause, _ in wanted)}" if wanted else ""
    values = tuple(value for _, each in wanted for value in each)
    return Question(f"SELECT {COLUMNS} FROM journal {where} ORDER BY seq LIMIT ?", (*values, most))  # noqa: S608 - constants only
