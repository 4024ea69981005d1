"""Readers who only themselves can show that they may read: people, and machines that nobody can be played as.

What they have shown counts in the next proof.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.access.authorization import readers_of
from warden.core.access.identities import log_in_as
from warden.core.journal.place import place_of
from warden.core.journal.record import NewRecord, Record
from warden.core.lanes.lane import Lane, PeopleReader, WorkloadReader
from warden.core.lanes.readers import CertificateReader, MachineReader
from warden.core.openbao.api import Identity
from warden.core.proofs.details import OnlyMembersCanShow, OnlyTheReaderCanShow, ShownByMember
from warden.core.proofs.machine_probes import Means, played
from warden.core.proofs.verdict import Verdict
from warden.core.proofs.withheld import UNAPPROVED
from warden.core.remedies import Remedy, warden
from warden.core.routes.freshness import is_recent
from warden.core.routes.route import declaration, declared_route
from warden.ports.journal import Journal

SHOWN = "member.proof"
"""The event of a member who has shown that the people of a reader can read."""

_SINCE = (SHOWN, "lane.closed", "lane.opened", "apply.done")
"""After one of the others a member has to show it again."""


def memberships(lane: Lane, caller: Identity) -> frozenset[str]:
    """The labels of the readers that the caller itself logged in as."""
    return frozenset(
        reader.label for reader in _by_name(lane) if (caller.mount, caller.role) == (reader.mount, lane.role_of(reader))
    )


def by_others(
    lane: Lane, members: frozenset[str], means: Means, journal: Journal, counts_for: dt.timedelta
) -> tuple[Verdict, ...]:
    """A verdict for each reader that the caller is not, and cannot play: what one has shown itself, if one has."""
    others = [each for each in _by_name(lane) if each.label not in members and played(lane, each, means) is None]
    shown = _shown(lane, journal, counts_for) if others else {}
    return tuple(_verdict(lane, reader, shown.get(reader.label)) for reader in others)


def records_of(lane: Lane, verdicts: Sequence[Verdict], who: Mapping[str, Any]) -> list[NewRecord]:
    """The records of what the caller has shown as a member; `who` is the caller and the server."""
    return [
        (
            SHOWN,
            lane.id,
            {**who, "reader": each.reader, "audit": each.audit, "at": each.at, "declared": _declared(lane)},
        )
        for each in verdicts
        if each.probe in {"reads", UNAPPROVED}
        and each.result == "ok"
        and each.reader in {one.label for one in _by_name(lane)}
    ]


def _by_name(lane: Lane) -> Iterator[PeopleReader | MachineReader]:
    """The readers whose tokens no cluster makes."""
    return (reader for reader in lane.readers if not isinstance(reader, WorkloadReader))


def _declared(lane: Lane) -> Any:
    """As the journal gives it back."""
    return msgspec.json.decode(msgspec.json.encode(declaration(declared_route(lane))))


def _shown(lane: Lane, journal: Journal, counts_for: dt.timedelta) -> dict[str, Record]:
    """What members have shown, by reader: since the lane was last applied, opened or closed, and not too long ago."""
    found: dict[str, Record] = {}
    declared, now = _declared(lane), dt.datetime.now(dt.UTC)
    for record in journal.here(journal.log(lane=lane.id, events=_SINCE)):
        if record.event != SHOWN:
            found = {}
        elif _is_here(record) and record.body.get("declared") == declared and is_recent(record.at, now, counts_for):
            found[str(record.body.get("reader"))] = record
    return found


def _is_here(record: Record) -> bool:
    """Of records that may be of another place none shows anything."""
    return place_of(record.body).is_known


def _verdict(lane: Lane, reader: PeopleReader | MachineReader, shown: Record | None) -> Verdict:
    if shown is not None:
        audit, at = str(shown.body.get("audit") or ""), str(shown.body.get("at") or "")
        return Verdict(
            probe="member",
            reader=reader.label,
            result="ok",
            expected="allowed",
            observed="allowed",
            subject=_subject(reader),
            detail=ShownByMember(at=shown.at, record=shown.seq),
            audit=audit,
            at=at,
        )
    return Verdict(
        probe="member",
        reader=reader.label,
        result="inconclusive",
        observed="not-seen",
        subject=_subject(reader),
        detail=_why(lane, reader),
        remedy=_how(lane, reader),
    )


def _subject(reader: PeopleReader | MachineReader) -> str:
    return reader.people if isinstance(reader, PeopleReader) else reader.label


def _why(lane: Lane, reader: PeopleReader | MachineReader) -> OnlyMembersCanShow | OnlyTheReaderCanShow:
    if isinstance(reader, PeopleReader):
        return OnlyMembersCanShow(reader.mount, lane.role_of(reader))
    return OnlyTheReaderCanShow(reader.label, "certificate" if isinstance(reader, CertificateReader) else "token")


def _how(lane: Lane, reader: PeopleReader | MachineReader) -> Remedy:
    if isinstance(reader, PeopleReader):
        return (log_in_as(readers_of(lane), reader), warden("prove", lane.id))
    return (warden("prove", lane.id, certificate="FILE" if isinstance(reader, CertificateReader) else ""),)
