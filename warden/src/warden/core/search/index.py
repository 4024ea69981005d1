"""The catalog as it is searched: compiled once from the entries, kept, and read by every search after that."""

import math
from collections.abc import Iterator, Mapping

import msgspec

from warden.core.lanes.catalog import Entry
from warden.core.lanes.lane import Lane
from warden.core.search.identifiers import identifiers
from warden.core.search.text import form, words
from warden.core.search.units import Reader, Unit
from warden.core.search.vocabulary import Stems, Vocabulary

_REST = 0.3  # what a word beside needs, title and id counts
_ACCIDENT = 0.7  # a term that was used once may have been there by accident: phrases that are taken off its word
_PRIOR = 2.0  # phrases of an average entry that each entry is taken to have besides its own


class Phrase(msgspec.Struct, frozen=True, array_like=True):
    """One way to ask for an entry (its place in `Index.ids`), and what its units weigh together."""

    entry: int
    weight: float


class Index(msgspec.Struct, frozen=True):
    """What is compared with a need.

    Attributes:
        ids: the entries, sorted.
        titles: their titles, in the same order.
        drafts: the places of those that are drafts.
        vocabulary: the languages, without the names that this catalog has an entry for.
        terms: a word of the catalog -> its term.
        by_stem: a stem of such a word, in any language -> the same.
        phrases: every title, id and need that says something.
        uses: term -> the places of the phrases that have it.
        counts: term -> entry's place -> how many of its phrases have the term.
        sizes: how many phrases each entry has.
        declared: a need as it stands in one entry only -> the entry's place.
        names: identifier -> entry's place -> how surely it means the entry (0 to 1).
    """

    ids: list[str]
    titles: list[str]
    drafts: frozenset[int]
    vocabulary: Vocabulary
    terms: dict[str, str]
    by_stem: dict[str, str]
    phrases: list[Phrase]
    uses: dict[str, list[int]]
    counts: dict[str, dict[int, float]]
    sizes: list[int]
    declared: dict[str, int]
    names: dict[str, dict[int, float]]

    def title(self, entry_id: str) -> str:
        """The title of one of `ids`."""
        return self.titles[self.ids.index(entry_id)]

    def is_draft(self, entry_id: str) -> bool:
        """Whether one of `ids` is a draft."""
        return self.ids.index(entry_id) in self.drafts

    def favour(self, term: str) -> list[float]:
        """For each entry how much likelier its phrases have the term than an average entry's (logarithm)."""
        counts = self.counts[term]
        usual = sum(self._rates(term)) / len(self.sizes)
        found = []
        for at, size in enumerate(self.sizes):
            count = counts.get(at, 0.0)
            ratio = math.log((count + _PRIOR * usual) / ((size + _PRIOR) * usual))
            found.append(ratio * count / (count + _ACCIDENT) if count else ratio)
        return found

    def weigh(self, unit: Unit) -> float:
        """What a unit weighs: as its rarest concept, else as its word, else as a word that nobody has."""
        concepts = [self._rarity(term) for term in unit.terms if term[0] == "@" and term in self.counts]
        own = [self._rarity(term) for term in unit.terms if term[0] != "@" and term in self.counts]
        return max(concepts or own, default=math.log(1 + len(self.sizes) / 1.5))

    def _rarity(self, term: str) -> float:
        """Much where few entries use the term."""
        rates = self._rates(term)
        return math.log(1 + len(self.sizes) / (0.5 + sum(rates) / max(rates)))

    def _rates(self, term: str) -> list[float]:
        """The share of phrases that have the term, of each entry that has it at all."""
        return [count / self.sizes[at] for at, count in self.counts[term].items()]


def build(entries: Mapping[str, Entry], vocabulary: Vocabulary, stemmers: Stems) -> Index:
    """The index of the entries."""
    ids = sorted(entries)
    texts = [[words(text) for text in _phrases(entries[each])] for each in ids]
    rest = [[words(text) for text in _rest(entries[each])] for each in ids]
    terms = _terms([*texts, *rest], vocabulary, stemmers)
    named = {word for per_entry in texts for tokens in per_entry for word in tokens}
    known = _without(vocabulary, named, texts)
    by_stem = {stem: term for word, term in terms.items() for stem in stemmers.stems(word)}
    reader = Reader(known, stemmers, terms, by_stem)
    units = [[reader.read(tokens).units for tokens in per_entry] for per_entry in texts]
    others = [[unit for tokens in per_entry for unit in reader.read(tokens).units] for per_entry in rest]
    index = Index(
        ids=ids,
        titles=[entries[each].title for each in ids],
        drafts=frozenset(at for at, each in enumerate(ids) if entries[each].status == "draft"),
        vocabulary=known,
        terms=terms,
        by_stem=by_stem,
        phrases=[],
        uses={},
        counts=_counts(units, others),
        sizes=[len(phrases) for phrases in units],
        declared=_declared([entries[each].needs for each in ids]),
        names=_names([identifiers(entries[each]) for each in ids], known),
    )
    _add_phrases(index, units)
    return index


def _phrases(entry: Entry) -> Iterator[str]:
    """The ways to ask for an entry; the first two are its title and its id."""
    yield entry.title
    yield entry.id
    yield from entry.needs


def _rest(entry: Entry) -> Iterator[str]:
    yield from entry.tags
    yield from entry.references
    if isinstance(entry, Lane):
        yield from entry.custody.fields
        yield entry.custody.path
        yield from (reader.label for reader in entry.readers)
        yield from (owner.repo for owner in (entry.owners.consumer, entry.owners.runtime) if owner is not None)
        for consumer in entry.consumers:
            yield from (consumer.deployment, *consumer.smoke)
        return
    yield from (entry.owner.repo, entry.subsystem, entry.auth_method)


def _terms(texts: list[list[list[str]]], vocabulary: Vocabulary, stemmers: Stems) -> dict[str, str]:
    found = {word for per_entry in texts for tokens in per_entry for word in tokens} - vocabulary.stop
    return {word: stemmers.stems(word)[0] for word in sorted(found)}


def _without(vocabulary: Vocabulary, named: set[str], texts: list[list[list[str]]]) -> Vocabulary:
    """The vocabulary without the foreign names that the catalog itself uses."""
    lines = [f" {' '.join(tokens)} " for per_entry in texts for tokens in per_entry]
    several = {each for each in vocabulary.elsewhere if " " in each and any(f" {each} " in line for line in lines)}
    return msgspec.structs.replace(vocabulary, elsewhere=vocabulary.elsewhere - named - several)


def _counts(units: list[list[list[Unit]]], others: list[list[Unit]]) -> dict[str, dict[int, float]]:
    """`Index.counts`; a word that stands beside the phrases only counts as a part of one."""
    counts: dict[str, dict[int, float]] = {}
    for at, phrases in enumerate(units):
        for phrase in phrases:
            for term in {term for unit in phrase for term in unit.terms}:
                per_entry = counts.setdefault(term, {})
                per_entry[at] = per_entry.get(at, 0.0) + 1
        for term in {term for unit in others[at] for term in unit.terms}:
            counts.setdefault(term, {}).setdefault(at, _REST)
    return counts


def _add_phrases(index: Index, units: list[list[list[Unit]]]) -> None:
    for at, phrases in enumerate(units):
        for phrase in filter(None, phrases):
            for term in {term for unit in phrase for term in unit.terms}:
                index.uses.setdefault(term, []).append(len(index.phrases))
            index.phrases.append(Phrase(at, sum(index.weigh(unit) for unit in phrase)))


def _declared(needs: list[tuple[str, ...]]) -> dict[str, int]:
    """`Index.declared`."""
    owners: dict[str, set[int]] = {}
    for at, each in enumerate(needs):
        for need in each:
            owners.setdefault(form(need), set()).add(at)
    return {need: min(owned) for need, owned in owners.items() if need and len(owned) == 1}


def _names(named: list[dict[str, float]], vocabulary: Vocabulary) -> dict[str, dict[int, float]]:
    """Identifier -> entries; a single word that means something else as well identifies nothing."""
    found: dict[str, dict[int, float]] = {}
    for at, names in enumerate(named):
        for name, strength in names.items():
            if name and name not in vocabulary.concepts and name not in vocabulary.stop:
                found.setdefault(name, {})[at] = strength
    return found
