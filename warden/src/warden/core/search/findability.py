"""Which entries are hard to find, or easily taken for another: what `catalog check` warns about."""

from collections.abc import Iterator, Mapping

import msgspec

from warden.core.lanes.catalog import Entry
from warden.core.search.answer import judged
from warden.core.search.index import Index
from warden.core.search.text import form
from warden.core.search.vocabulary import Stems

FEW = 3
"""Fewer needs are too few ways to ask for an entry."""

ASKED = 2_000
"""Phrases of a catalog up to which each is asked; it takes a millisecond each, and more the more there are."""


class FewNeeds(msgspec.Struct, frozen=True, tag="few-needs", tag_field="kind"):
    """The entry declares `count` needs, so that most ways to ask for it are unknown; `field` is where to add some."""

    entry: str
    field: str
    count: int


class Confused(msgspec.Struct, frozen=True, tag="confused", tag_field="kind"):
    """Who asks in words like this need of the entry, which stands in `field`, is sent to `other` first."""

    entry: str
    field: str
    need: str
    other: str


class NotFoundByNeed(msgspec.Struct, frozen=True, tag="not-found", tag_field="kind"):
    """Who asks in words like this need of the entry is told that nobody owns it: they say too little."""

    entry: str
    field: str
    need: str


Weakness = FewNeeds | Confused | NotFoundByNeed


def weaknesses(index: Index, entries: Mapping[str, Entry], stemmers: Stems) -> Iterator[Weakness]:
    """What makes entries hard to find, by entry, in the order of its file.

    In a catalog of more than `ASKED` phrases needs are not asked, only compared.
    """
    first: dict[str, str] = {}
    for entry in entries.values():
        if len(entry.needs) < FEW:
            yield FewNeeds(entry.id, "needs", len(entry.needs))
        for field, need in _asked(entry):
            owner = first.setdefault(form(need), entry.id)
            if owner != entry.id:
                yield Confused(entry.id, field, need, owner)
            elif len(index.phrases) <= ASKED:
                yield from _answered(index, entry.id, field, need, stemmers)


def _asked(entry: Entry) -> Iterator[tuple[str, str]]:
    """The entry's own words for itself, and the field where they stand."""
    yield "title", entry.title
    for at, need in enumerate(entry.needs):
        yield f"needs[{at}]", need


def _answered(index: Index, entry_id: str, field: str, need: str, stemmers: Stems) -> Iterator[Weakness]:
    given = judged(index, need, stemmers)
    if given.verdict == "nobody":
        yield NotFoundByNeed(entry_id, field, need)
    elif given.hits[0].id != entry_id:
        yield Confused(entry_id, field, need, given.hits[0].id)
