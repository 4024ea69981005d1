"""status: every lane's standing, from OpenBao's metadata and the journal; no value is read and nothing is changed."""

from collections.abc import Sequence

from warden.domain.errors import WardenError
from warden.domain.lane import Lane
from warden.domain.resources import is_template
from warden.domain.standing import Standing, standing
from warden.ports import Clock, Journal, LaneState, Vault


def status(
    lanes: Sequence[Lane], vault: Vault | None, journal: Journal, clock: Clock
) -> tuple[list[Standing], list[WardenError]]:
    """The standing of each lane, and what kept a part of it from being seen (one fault for each kind)."""
    states = journal.states()
    found, faults = [], {}
    for lane in lanes:
        metadata, seen = None, False
        if vault is not None and not is_template(lane) and "unreachable" not in faults:
            try:
                metadata, seen = vault.kv_metadata(lane.custody.mount, lane.custody.key), True
            except WardenError as fault:
                faults[fault.kind] = fault
        found.append(standing(lane, metadata, states.get(lane.id, LaneState()), clock(), seen=seen))
    return found, list(faults.values())
