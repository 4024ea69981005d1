"""What the records of a lane add up to: whether it is closed, and its last proof."""

from collections.abc import Iterable

from warden.core.journal.record import LaneState, Record

DECIDING = ("lane.closed", "lane.opened", "proof")
"""The events that a lane's state depends on. Of each of them the newest record of a lane is enough."""

EFFECTS = ("apply.done", "put.done", "adopt.done")
"""After one of these what the last proof advised may have been done."""


def lane_states(records: Iterable[Record]) -> dict[str, LaneState]:
    """The state of each lane after these records, oldest first; other events are passed over."""
    states: dict[str, LaneState] = {}
    for record in records:
        before = states.get(record.lane, LaneState())
        if record.event == "proof":
            states[record.lane] = LaneState(closed=before.closed, proof=record)
        elif record.event in DECIDING:
            closed = record if record.event == "lane.closed" else None
            states[record.lane] = LaneState(closed=closed, proof=before.proof, overtaken=True)
    return states
