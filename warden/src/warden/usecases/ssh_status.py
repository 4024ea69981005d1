"""ssh status, ssh log, ssh scorecard: what is out there, as the journal and this machine say. Nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import WardenError
from warden.core.ssh.decision import expect_declared
from warden.core.ssh.emergency import Emergency  # noqa: TC001 - a type of a structure, as the next ones
from warden.core.ssh.held_here import HeldHere, StatusLine, not_listed, status_lines
from warden.core.ssh.issue_log import DECISION, EVENTS, denied
from warden.core.ssh.out_there import OutThere, out_there
from warden.core.ssh.scorecard import Score, scorecard
from warden.usecases.steps.emergencies import waiting_emergencies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from warden.core.inventory.inventory import Inventory
    from warden.core.journal.record import Record
    from warden.core.ssh.held_here import Presence
    from warden.core.ssh.kept import Holder, Kept
    from warden.ports.journal import Journal
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_place import KeyPlace

    PlaceOf = Callable[[Holder], KeyPlace]


class SshStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The certificates of the issue log, what this machine holds beside them, and emergencies nobody has looked at."""

    lines: tuple[StatusLine, ...]
    others: tuple[HeldHere, ...]
    emergencies: tuple[Emergency, ...]


def ssh_status(
    journal: Journal,
    kept: KeptCertificates,
    place_of: PlaceOf,
    inventory: Callable[[], Inventory],
    now: float,
    *,
    subject: str = "",
    expired: bool = False,
) -> SshStatus:
    """What is out there of one actor or host, or of all; of what is `expired` or nobody's only if asked for.

    Raises `JournalUnwritable`, and `UsageError` for a subject that neither these nor the inventory know.
    """
    certificates = [each for each in certificates_of(journal, now) if subject in {"", each.issued.subject}]
    open_ones = [each for each in certificates if each.condition != "discarded" and each.issued.valid_before > now]
    here = [each for each in held_here(kept.all(), place_of) if subject in {"", each.kept.actor}]
    emergencies = tuple(each for each in waiting_emergencies(journal) if subject in {"", each.subject})
    if subject and not (certificates or here or emergencies):
        expect_declared(inventory(), subject)
    return SshStatus(
        lines=tuple(status_lines(certificates if expired else open_ones, here)),
        others=tuple(
            each for each in not_listed(certificates, here) if expired or each.kept.standing(now) != "expired"
        ),
        emergencies=emergencies,
    )


def certificates_of(journal: Journal, now: float) -> list[OutThere]:
    """Every certificate that was issued at this place, oldest first."""
    return out_there(journal.here(journal.log(events=EVENTS)), now)


def held_here(kept: Iterable[Kept], place_of: PlaceOf) -> list[HeldHere]:
    """What this machine keeps, and whether it is still there."""
    return [HeldHere(kept=each, presence=_presence(each, place_of)) for each in kept]


def _presence(kept: Kept, place_of: PlaceOf) -> Presence:
    try:
        return "held" if place_of(kept.holder).holds(kept) else "gone"
    except WardenError:
        return "unknown"


def ssh_log(
    journal: Journal,
    inventory: Callable[[], Inventory],
    *,
    subject: str = "",
    since: float | None = None,
) -> Sequence[Record]:
    """The issue log's records at this place, oldest first: of one actor or host, or those since a time.

    Raises `JournalUnwritable`, and `UsageError` for a subject that neither it nor the inventory knows.
    """
    found = journal.here(journal.log(lane=subject or None, events=(*EVENTS, DECISION)))
    if subject and not found:
        expect_declared(inventory(), subject)
    found = [each for each in found if each.event != DECISION or denied(each)]
    return [each for each in found if since is None or _at(each) >= since]


def _at(record: Record) -> float:
    import datetime as dt

    return dt.datetime.fromisoformat(record.at).timestamp()


def ssh_scorecard(journal: Journal, inventory: Inventory, now: float, since: float) -> list[Score]:
    """How each actor's certificates went since then."""
    return scorecard(ssh_log(journal, lambda: inventory, since=since), inventory.named_actors, now)
