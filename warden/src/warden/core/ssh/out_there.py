"""What is out there: each certificate of the issue log, and whether it can still be used."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from warden.core.journal.record import Record
from warden.core.ssh.issue_log import DISCARDED, Issued, issued
from warden.core.ssh.revocation import Revoked, revocations

Condition = Literal["valid", "revoked", "expired", "discarded"]
"""``discarded``: it could not be handed over, so nobody has its key."""


class OutThere(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of the issue log. ``who`` is what OpenBao calls whoever asked, ``reason`` why."""

    issued: Issued
    condition: Condition
    who: str
    reason: str


def out_there(records: Sequence[Record], now: float) -> list[OutThere]:
    """Every certificate that these records know of, oldest first."""
    revoked = Revoked(revocations(records))
    discarded = {each.body.get("issued") for each in records if each.event == DISCARDED}
    by_number = {each.seq: each for each in records}
    found = []
    for one in issued(records):
        record = by_number[one.record]
        condition = _condition(one, now, revoked=revoked.has(one), discarded=one.record in discarded)
        found.append(
            OutThere(issued=one, condition=condition, who=record.who, reason=str(record.body.get("reason", "")))
        )
    return found


def _condition(one: Issued, now: float, *, revoked: bool, discarded: bool) -> Condition:
    if discarded:
        return "discarded"
    if revoked:
        return "revoked"
    return "expired" if one.valid_before <= now else "valid"
