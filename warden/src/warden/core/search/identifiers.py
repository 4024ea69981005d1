"""The names by which an entry is known to machines: what stands in a ticket, a manifest or an error message."""

from collections.abc import Iterator

from warden.core.lanes.catalog import Entry
from warden.core.lanes.lane import Lane
from warden.core.search.text import form

Named = tuple[str, float]
"""A name, and how surely somebody who writes it means the entry (0 to 1)."""

_SURE, _RELATED = 1.0, 0.5
LIKELY = 0.9
"""From this strength on an identifier means the entry; below, it has to do with it."""


def identifiers(entry: Entry) -> dict[str, float]:
    """The forms of an entry's identifiers, with their strength; the strongest where one occurs twice."""
    found: dict[str, float] = {}
    for name, strength in _names(entry):
        key = form(name)
        found[key] = max(strength, found.get(key, 0.0))
    return found


def _names(entry: Entry) -> Iterator[Named]:
    yield entry.id, _SURE
    for reference in entry.references:
        yield reference, _SURE
        yield reference.partition(" ")[0], LIKELY
    if entry.playbook is not None:
        yield entry.playbook, _SURE
    yield from _of_lane(entry) if isinstance(entry, Lane) else _of_signpost(entry)


def _of_signpost(entry: Entry) -> Iterator[Named]:
    assert not isinstance(entry, Lane)  # noqa: S101  # a union without lanes has no name of its own
    yield entry.owner.repo, _RELATED
    yield entry.subsystem, _RELATED
    for name in (entry.policy, entry.role, entry.path):
        if name is not None:
            yield name, _SURE
    if entry.path is not None:
        yield entry.path.partition("<")[0], _RELATED


def _of_lane(lane: Lane) -> Iterator[Named]:
    for field in lane.custody.fields:
        yield field, _SURE
    yield lane.custody.path, _SURE
    yield from ((name, _SURE) for name in lane.policy_names)
    segments = lane.custody.path.split("/")
    for at in range(1, len(segments)):
        yield "/".join(segments[at:]), LIKELY
        yield segments[at], _RELATED
    owners = (lane.owners.custody, lane.owners.consumer, lane.owners.runtime)
    for owner in owners:
        if owner is not None:
            yield owner.repo, _RELATED
    for reader in lane.readers:
        yield lane.role_of(reader), LIKELY
        yield from ((word, LIKELY) for word in reader.label.split() if "-" in word or "/" in word)
    yield from _of_deliveries(lane)


def _of_deliveries(lane: Lane) -> Iterator[Named]:
    for delivery in lane.deliveries.values():
        yield delivery.secret, _SURE
        yield delivery.secret.rpartition("/")[2], LIKELY
        if delivery.store is not None:
            yield delivery.store, LIKELY
            yield delivery.store.rpartition("/")[2], LIKELY
    for consumer in lane.consumers:
        yield consumer.deployment, LIKELY
        yield consumer.deployment.rpartition("/")[2], _RELATED
        if consumer.overlay is not None:
            yield consumer.overlay, _SURE
        for word in consumer.smoke:
            if "-" in word.strip("-"):
                yield word, _RELATED
