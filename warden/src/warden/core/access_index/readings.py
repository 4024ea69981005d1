"""Who has read one path, as the audit log tells it, and which values stand at other paths, by their keyed hashes.

    Asked(path="platform/data/a/b", since=…) + every line of every node's log -> Surveyed

An accessor stands in the log as a keyed hash unless the device says otherwise: it tells one token's requests from
another's. Times are those of the node that wrote the line; nodes' clocks differ, so what is a little before the time
that was asked for is listed, too.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from warden.core.quoting import Facts

MARGIN = dt.timedelta(seconds=60)
"""How far clocks of nodes may be apart: a read that is so little earlier counts as since then."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the log: the reads of a path (``platform/data/KEY``) since a time (``None``: since ever)."""

    path: str
    since: dt.datetime | None = None

    def covers(self, at: dt.datetime) -> bool:
        """Whether a read at that time counts."""
        return self.since is None or at >= self.since - MARGIN


class Reading(Facts, frozen=True, kw_only=True):
    """The reads by one token.

    Attributes:
        accessor: of the token; as the log has it.
        display_name, entity, role: who it was, as OpenBao names it; empty where the log has nothing.
        account: the service account of the login (``namespace/name``), else empty.
        policies: those that let the reads pass.
        addresses: where the requests came from.
        first, last: the times of its first and last read (ISO 8601 UTC).
        count: how many reads.
        versions: which versions were handed out.
        wrapped: how many answers were wrapped: who unwrapped them is in the log under ``sys/wrapping/unwrap``.
        probes: how many carried the header of warden's probes; anybody may send it.
        early: how many were before the time that was asked for, within what clocks may differ by.
    """

    accessor: str
    display_name: str = ""
    entity: str = ""
    role: str = ""
    account: str = ""
    policies: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    count: int = 0
    versions: tuple[int, ...] = ()
    wrapped: int = 0
    probes: int = 0
    early: int = 0


class LoggedValue(msgspec.Struct, frozen=True):
    """A field's value at a path: the newest version that the log has of it, and its keyed hash."""

    version: int
    hashed: str


class Surveyed(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says.

    Attributes:
        readings: by token, the latest first.
        begins: the time of the log's first line; empty where nothing could be read.
        why: why nothing, or not all, could be read; empty where all was.
        files: how many were read.
        own: the keyed hashes of every value that the log has of the path, by field.
        values: the newest value of each field at every other KV path.
    """

    readings: tuple[Reading, ...] = ()
    begins: str = ""
    why: str = ""
    files: int = 0
    own: Mapping[str, frozenset[str]] = {}
    values: Mapping[str, Mapping[str, LoggedValue]] = {}

    def reaches(self, since: dt.datetime | None) -> bool:
        """Whether the log goes back as far as was asked for."""
        return bool(self.begins) and since is not None and dt.datetime.fromisoformat(self.begins) <= since


class SameValue(Facts, frozen=True, order=True):
    """A field of another path that holds a value which the leaked path holds or held; ``lane`` is whose path it is."""

    path: str
    field: str
    lane: str
    own_field: str


def same_values(surveyed: Surveyed, lanes: Mapping[str, str]) -> tuple[SameValue, ...]:
    """The fields of other paths with one of the path's own values; `lanes` has the lane of each data path."""
    own = {hashed: field for field, found in surveyed.own.items() for hashed in found}
    return tuple(
        sorted(
            SameValue(path, field, lanes.get(path, ""), own[value.hashed])
            for path, fields in surveyed.values.items()
            for field, value in fields.items()
            if value.hashed in own
        )
    )


def not_compared(surveyed: Surveyed, lanes: Mapping[str, str], path: str) -> tuple[str, ...]:
    """The lanes whose value the log has no line of, so that it is not known whether it is the same."""
    return tuple(sorted(lane for each, lane in lanes.items() if each != path and each not in surveyed.values))


def merged(found: Iterable[Reading]) -> tuple[Reading, ...]:
    """The latest first."""
    return tuple(sorted(found, key=lambda each: each.last, reverse=True))
