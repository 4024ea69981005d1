"""What the journal keeps of a proof, and what `route` and `status` know of it: one structure, encoded and decoded here.

ProofSummary -> as_record -> the body of a record ``proof`` -> summary_of -> ProofSummary
"""

from typing import Any

import msgspec

from warden.core.journal.record import Record
from warden.core.lanes.lane import Stretch
from warden.core.remedies import Remedy
from warden.core.routes.proof_states import ProofState, Result, Scope

SHAPE = 3
"""The shape of the body, and what a proof asks: from 3 on, who else can.

A record of an earlier one keeps its state and its counts, and is of no declaration.
"""

COUNTS = ("passed", "failed", "inconclusive", "total", "evidence")


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a lane declares, as far as a proof depends on it. ``deliveries``: cluster -> how, and which Secret."""

    path: str | None
    fields: tuple[str, ...]
    policy: str | None
    readers: tuple[str, ...]
    deliveries: dict[str, str]


class DeliverySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was proven of one delivery: the version, and the Secret's ``resourceVersion`` then."""

    state: ProofState
    version: int = 0
    secret: str = ""
    by_hand: bool = False


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What the proof says has to be done first, and the stretch whose owner's turn it is."""

    stretch: Stretch
    remedy: Remedy


class NotOk(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that was not as expected: of a reader, or of the delivery to a cluster.

    ``result`` is ``None`` in records of earlier versions. ``remedy`` is for the owner of the ``stretch``.
    """

    probe: str
    reader: str = ""
    cluster: str = ""
    result: Result | None = None
    subject: str = ""
    stretch: Stretch = "custody"
    remedy: Remedy = ()


class ProofSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A proof without its verdicts.

    ``evidence`` counts the verdicts with an audit line, ``run`` is the beginning of its nonces in the audit log,
    ``system`` the address of the OpenBao, ``declared`` what the lane declared then; ``None`` where that is not known.
    ``inspected``: the form of the value was judged.
    """

    state: ProofState = "inconclusive"
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    total: int = 0
    evidence: int = 0
    run: str = ""
    scope: Scope = "lane"
    system: str = ""
    declared: Declaration | None = None
    deliveries: dict[str, DeliverySummary] = {}
    not_ok: tuple[NotOk, ...] = ()
    inspected: bool = False
    next: Advice | None = None


def as_record(summary: ProofSummary) -> dict[str, Any]:
    """The body of the record that keeps the summary."""
    return {"shape": SHAPE, **msgspec.to_builtins(summary)}


def summary_of(record: Record) -> ProofSummary:
    """The summary that a record keeps; of a record of another shape the state and the counts alone."""
    if record.body.get("shape") == SHAPE:
        try:
            return msgspec.convert(record.body, ProofSummary)
        except msgspec.ValidationError:
            pass
    try:
        return msgspec.convert(
            {key: record.body[key] for key in ("state", *COUNTS) if key in record.body}, ProofSummary
        )
    except msgspec.ValidationError:
        return ProofSummary()
