"""Whether a lane's last proof counts: the one place that decides it, for whatever shows or uses a proof.

A proof counts where it is of this declaration, the lane was neither closed nor reopened since, and it is not older than
``proofs_count_for`` of ``platform.yaml``. That it is of this place is the journal's to say (`journal.state`). What was
refuted or inconclusive stays so until the next proof.
"""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.journal.record import LaneState
from warden.core.routes.proof_summary import Declaration, ProofSummary, summary_of

FRESH = dt.timedelta(hours=24)
"""How long a proof counts where ``platform.yaml`` does not say."""
SKEW = dt.timedelta(minutes=1)
"""How far ahead of now a proof may be dated; beyond that this machine's clock was changed, and its age is not known."""

Standing = Literal["unproven", "proven", "refuted", "inconclusive", "stale", "partial"]
"""``unproven``: there is no proof; ``stale``: it no longer counts; ``partial``: it left deliveries out."""


class LastProof(msgspec.Struct, frozen=True, kw_only=True):
    """The last proof, and whether it counts.

    ``applies``: it is of what is declared here and open now. ``recent``: it is not too old. ``at`` is ISO 8601 UTC.
    """

    summary: ProofSummary
    at: str
    record: int
    applies: bool
    recent: bool

    @property
    def counts(self) -> bool:
        """Whether what it showed may still be claimed."""
        return self.applies and self.recent

    @property
    def lacks_members_only(self) -> bool:
        """Whether it was inconclusive only because a member of a group has to show that it can read."""
        probes = {each.probe for each in self.summary.not_ok}
        return self.summary.state == "inconclusive" and probes == {"member"} and self.counts

    @property
    def standing(self) -> Standing:
        """The state to show."""
        if self.summary.state != "proven":
            return self.summary.state
        if not self.counts:
            return "stale"
        return "proven" if self.summary.scope == "lane" else "partial"


def last_proof(state: LaneState, declared: Declaration, now: dt.datetime, counts_for: dt.timedelta) -> LastProof | None:
    """The lane's last proof, which counts for that long; ``None`` where there is none."""
    if state.proof is None:
        return None
    summary = summary_of(state.proof)
    return LastProof(
        summary=summary,
        at=state.proof.at,
        record=state.proof.seq,
        applies=not state.overtaken and summary.declared == declared,
        recent=is_recent(state.proof.at, now, counts_for),
    )


def is_recent(at: str, now: dt.datetime, counts_for: dt.timedelta) -> bool:
    """Whether a record of that time (ISO 8601) is not too old, nor of a time that has not come yet."""
    return -SKEW <= now - dt.datetime.fromisoformat(at) <= counts_for
