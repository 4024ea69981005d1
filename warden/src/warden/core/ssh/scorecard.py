"""The scorecard: how each actor's certificates went in a period, and what somebody should look at."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from warden.core.inventory.inventory import NamedActor
from warden.core.journal.record import Record
from warden.core.ssh.emergency import waiting
from warden.core.ssh.issue_log import DECISION, DISCARDED, EMERGENCY, FAILED, REFUSED, REVOKED
from warden.core.ssh.out_there import OutThere, out_there

Mark = Literal["unacknowledged", "undeclared", "failing", "any-address", "idle"]
"""What somebody should look at: an emergency that nobody acknowledged; valid certificates of an actor that the
inventory no longer has; more failures than certificates; no source address; nothing issued at all."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """An actor's certificates in a period. ``longest`` is a validity in seconds, ``last`` a time in ISO 8601."""

    actor: str
    issued: int = 0
    refused: int = 0
    failed: int = 0
    revoked: int = 0
    emergencies: int = 0
    valid: int = 0
    callers: int = 0
    longest: int = 0
    last: str = ""
    marks: tuple[Mark, ...] = ()


def scorecard(records: Sequence[Record], declared: Iterable[NamedActor], now: float) -> list[Score]:
    """A line for each actor that is declared, or has records; by name. Hosts have none."""
    known = {each.name: each for each in declared}
    certificates: dict[str, list[OutThere]] = {}
    for each in out_there(records, now):
        certificates.setdefault(each.issued.subject, []).append(each)
    events: dict[str, list[str]] = {}
    for record in records:
        if record.event != REVOKED:  # by serial or key it is of no actor, and the certificates say it of each
            events.setdefault(record.lane, []).append(record.event)
    hosts = {name for name, ones in certificates.items() if ones[0].issued.type == "host"}
    names = known.keys() | (events.keys() - hosts - {""})
    unacknowledged = {each.subject for each in waiting(records)}
    return [
        _marked(
            _score(name, certificates.get(name, []), events.get(name, [])),
            known.get(name),
            unacknowledged=name in unacknowledged,
        )
        for name in sorted(names)
    ]


def _score(name: str, certificates: Sequence[OutThere], events: Sequence[str]) -> Score:
    return Score(
        actor=name,
        issued=len(certificates),
        refused=events.count(REFUSED) + events.count(DECISION),
        failed=events.count(FAILED) + events.count(DISCARDED),
        revoked=sum(each.condition == "revoked" for each in certificates),
        emergencies=events.count(EMERGENCY),
        valid=sum(each.condition == "valid" for each in certificates),
        callers=len({each.who for each in certificates}),
        longest=max((each.issued.requested_ttl for each in certificates), default=0),
        last=certificates[-1].issued.at if certificates else "",
    )


def _marked(score: Score, known: NamedActor | None, *, unacknowledged: bool) -> Score:
    marks: Mapping[Mark, bool] = {
        "unacknowledged": unacknowledged,
        "undeclared": known is None and score.valid > 0,
        "failing": score.refused + score.failed > score.issued,
        "any-address": known is not None and not known.declared.source_addresses,
        "idle": known is not None and not score.issued,
    }
    return msgspec.structs.replace(score, marks=tuple(mark for mark, holds in marks.items() if holds))
