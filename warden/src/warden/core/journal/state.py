"""What the records of a lane add up to at one place: whether it is closed, and its last proof.

Where a record's place is not known, or the place that is asked about, the safe answer counts. A closing holds wherever
it may have been meant, until the lane is opened there. A proof counts only where it is known to be of this place.
"""

from collections.abc import Iterable, Sequence

from warden.core.journal.place import NOWHERE, Place, place_of
from warden.core.journal.record import LaneState, Record

DECIDING = ("lane.closed", "lane.opened", "proof")
"""The events that a lane's state depends on. Of each of them the newest record of a lane at each place is enough."""

EFFECTS = (
    "apply.done",
    "put.done",
    "adopt.done",
    "rotate.done",
    "rotate.rolled-back",
    "apply.abandoned",
    "put.abandoned",
    "adopt.abandoned",
)
"""After one of these what the last proof advised may have been done."""


def lane_states(records: Iterable[Record], here: Place = NOWHERE, address: str = "") -> dict[str, LaneState]:
    """The state of each lane after these records, oldest first; other events are passed over.

    `address` tells places apart where it is not known which OpenBao is asked about: that of the server meant.
    """
    lanes: dict[str, list[Record]] = {}
    for record in records:
        if record.event in DECIDING:
            lanes.setdefault(record.lane, []).append(record)
    found = {lane: lane_state(of_lane, here, address) for lane, of_lane in lanes.items()}
    return {lane: state for lane, state in found.items() if state != LaneState()}


def lane_state(records: Sequence[Record], here: Place, address: str = "") -> LaneState:
    """The state of the lane that these records are of, oldest first."""
    states = [_state_at(records, place) for place in _meant(records, here, address)]
    closings = [state.closed for state in states if state.closed is not None]
    proven = [state for state in states if state.proof is not None]
    last = max(proven, key=_seq_of_proof, default=LaneState())
    return LaneState(
        closed=max(closings, key=lambda record: record.seq, default=None),
        proof=last.proof,
        overtaken=last.overtaken or len(proven) > 1,
    )


def _seq_of_proof(state: LaneState) -> int:
    return state.proof.seq if state.proof else 0


def _meant(records: Sequence[Record], here: Place, address: str) -> Sequence[Place]:
    """The places that `here` may be: itself where it is known, else those of the journal that fit."""
    if here.is_known:
        return [here]
    known = {
        place: str(record.body.get("system") or "")
        for record in records
        if (place := place_of(record.body)).is_known and place.may_be(here)
    }
    at_address = [place for place, system in known.items() if address and system == address]
    return at_address or [*known] or [here]


def _state_at(records: Sequence[Record], here: Place) -> LaneState:
    closings: list[Record] = []
    proof: Record | None = None
    overtaken = False
    for record in records:
        place = place_of(record.body)
        if record.event == "proof":
            if place == here and here.is_known:
                proof, overtaken = record, False
            elif place == NOWHERE and (proof is None or overtaken):
                proof, overtaken = record, True
        elif record.event == "lane.closed" and place.may_be(here):
            closings.append(record)
            overtaken = True
        elif record.event == "lane.opened" and place in {here, NOWHERE}:
            closings = [each for each in closings if place == NOWHERE != place_of(each.body)]
            overtaken = proof is None or record.body.get("proof") != proof.seq  # it was opened because of that proof
    return LaneState(closed=closings[-1] if closings else None, proof=proof, overtaken=overtaken)
