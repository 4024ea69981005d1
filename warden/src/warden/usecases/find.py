"""route find, and access with a need in words: which entries are meant."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from warden.core.lanes.catalog import Entry
from warden.core.lanes.search import Nearest, NotOwned, expect_words
from warden.core.routes.route import Route, route
from warden.core.search.answer import Hit, answer
from warden.core.search.index import Index
from warden.core.search.vocabulary import Stems
from warden.ports.journal import Journal
from warden.usecases.steps.actor_proofs import with_actor_proofs

if TYPE_CHECKING:
    from warden.usecases.steps.actor_proofs import InventoryOrFault

_NEAREST = 2  # entries that are named where nobody owns what is needed


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A route that answers a need, or may, and how probably it is the one that is meant (0 to 1)."""

    route: Route
    score: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the one route that is meant, or at most three that may be meant, best first.

    ``drafts`` may be meant as well, and were not asked for.
    """

    answer: Literal["found", "unsure"]
    matches: tuple[Match, ...]
    drafts: tuple[str, ...] = ()


class Searched(Protocol):
    """A catalog that can be searched."""

    @property
    def index(self) -> Index:
        """What is searched."""

    @property
    def stemmers(self) -> Stems:
        """The stemmers it was built with."""

    @property
    def faulty(self) -> Sequence[str]:
        """The ids whose files have faults."""

    def entry(self, entry_id: str) -> Entry:
        """An entry of the index. Raises `Invalid` where its file has faults."""


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """The entries behind a `Found`."""

    answer: Literal["found", "unsure"]
    hits: tuple[Hit, ...]
    drafts: tuple[str, ...] = ()


def find(
    catalog: Searched,
    need: str,
    journal: Journal,
    now: dt.datetime,
    inventory: "InventoryOrFault",
    *,
    counts_for: dt.timedelta,
    drafts: bool,
) -> Found | NotOwned:
    """The routes that answer a need. Raises `UsageError` where it is empty, `Invalid` where its entry has faults."""
    candidates = meant(catalog, need, drafts=drafts)
    if not isinstance(candidates, Candidates):
        return candidates
    states = journal.states()
    matches = [
        Match(
            route=with_actor_proofs(
                route(catalog.entry(hit.id), states.get(hit.id), now, counts_for), inventory, journal, now, counts_for
            ),
            score=hit.score,
        )
        for hit in candidates.hits
    ]
    return Found(answer=candidates.answer, matches=tuple(matches), drafts=candidates.drafts)


def meant(catalog: Searched, need: str, *, drafts: bool = False) -> Candidates | NotOwned:
    """The entries that a need means, or may mean; drafts only where asked for. Errors as `find`.

    Of several candidates those with faults are left out; where only such are meant, the first one's error is raised.
    """
    need = expect_words(need, "need")
    found = answer(catalog.index, need, catalog.stemmers)
    hidden = tuple(hit.id for hit in found.hits if not drafts and _is_draft(catalog, hit.id))
    shown = tuple(hit for hit in found.hits if hit.id not in hidden)
    if found.verdict == "nobody" or not shown:
        near = found.hits[:1] if hidden and found.verdict != "nobody" else found.hits[:_NEAREST]
        nearest = tuple(Nearest(hit.id, catalog.index.title(hit.id)) for hit in near)
        return NotOwned(need=need, nearest=nearest, draft=found.verdict != "nobody")
    usable = tuple(hit for hit in shown if hit.id not in catalog.faulty)
    if not usable:
        catalog.entry(shown[0].id)
    return Candidates(answer=found.verdict, hits=usable, drafts=hidden)


def _is_draft(catalog: Searched, entry_id: str) -> bool:
    """Whether it is surely a draft: a file with faults may say so because of them."""
    return entry_id not in catalog.faulty and catalog.index.is_draft(entry_id)
