"""The mark of a closed lane: a key in the custom metadata of its path, which every warden sees, whatever its journal.

    closed    2026-11-29T17:10:00.123456Z alice     when it was closed (by the clock there), and by whom
    reopened  2026-11-29T17:10:00.123456Z alice     the mark that `reactivate` took away

``closed`` closes whatever lane is declared at the path, also under another id. ``reopened`` says which closing is over:
the journal of the machine that closed the lane has the same text, and so does not close it again.
"""

from collections.abc import Mapping

from warden.core.journal.record import Record
from warden.core.quoting import Facts

CLOSED = "closed"
REOPENED = "reopened"
OWNER = "catalog-id"

_LONGEST = 128
"""Characters; OpenBao keeps 512 bytes of a value."""


class ClosedMark(Facts, frozen=True):
    """When a path was marked as closed (ISO 8601 UTC as it stands there, or empty), and by whom."""

    since: str
    by: str


def mark_of(closing: Record) -> str:
    """The mark for a closing that the journal has."""
    return f"{closing.at} {closing.actor}"[:_LONGEST]


def mark_in(custom: Mapping[str, str]) -> ClosedMark | None:
    """The mark in a path's custom metadata. Whatever its text is, the path is closed while the key is there."""
    if CLOSED not in custom:
        return None
    since, _, by = str(custom[CLOSED]).partition(" ")
    return ClosedMark(since, by)


def closed_lanes(journaled: Mapping[str, str], seen: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """The lanes that are closed: by their path's mark, or in the journal unless that very closing was reopened.

    `journaled`: lane -> the mark of its closing in the journal; `seen`: lane -> its path's custom metadata.
    """
    marked = {lane for lane, custom in seen.items() if CLOSED in custom}
    over = {lane for lane, mark in journaled.items() if is_reopened(mark, seen.get(lane, {}))}
    return frozenset(journaled.keys() - over | marked)


def is_reopened(mark: str, custom: Mapping[str, str]) -> bool:
    """Whether the closing with this mark is over, by what `reactivate` left at the path."""
    return CLOSED not in custom and custom.get(REOPENED) == mark
