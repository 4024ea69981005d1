"""Which entries are hard to find, or easily taken for another: what `catalog check` warns about."""

from collections.abc import Iterator

import msgspec

from warden.core.lanes.catalog import Entry
from warden.core.search.answer import answer, ordered
from warden.core.search.index import Index
from warden.core.search.ranking import rank
from warden.core.search.vocabulary import Stems

FEW_NEEDS = 3
"""Fewer are too few ways to ask for an entry."""


class FewNeeds(msgspec.Struct, frozen=True, tag="few-needs", tag_field="kind"):
    """The entry declares so few needs that most ways to ask for it are unknown; `field` is where to add some."""

    entry: str
    count: int
    field: str = "needs"


class Confused(msgspec.Struct, frozen=True, tag="confused", tag_field="kind"):
    """Who asks with the entry's own `need` is sent to `other` first; `field` is where the need stands."""

    entry: str
    need: str
    other: str
    field: str


class NotFoundByNeed(msgspec.Struct, frozen=True, tag="not-found", tag_field="kind"):
    """Who asks with the entry's own `need` is told that nobody owns it: its words say too little."""

    entry: str
    need: str
    field: str


Findability = FewNeeds | Confused | NotFoundByNeed


def findability(index: Index, entry: Entry, stemmers: Stems) -> Iterator[Findability]:
    """What makes an entry hard to find, in the order of its file."""
    yield from _asked(index, entry.id, entry.title, "title", stemmers)
    if len(entry.needs) < FEW_NEEDS:
        yield FewNeeds(entry.id, len(entry.needs))
    for at, need in enumerate(entry.needs):
        yield from _asked(index, entry.id, need, f"needs[{at}]", stemmers)


def _asked(index: Index, entry_id: str, need: str, field: str, stemmers: Stems) -> Iterator[Findability]:
    best = ordered(rank(index, need, stemmers))[0]
    first = index.ids[best.evidence.entry]
    if answer(index, need, stemmers).verdict == "nobody":
        yield NotFoundByNeed(entry_id, need, field)
    elif first != entry_id:
        yield Confused(entry_id, need, first, field)
