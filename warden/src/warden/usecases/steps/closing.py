"""Whether OpenBao itself says that a lane is closed: its path's mark, as far as the caller may see it.

Who may not see it is not let through by that: closing has taken away the policy before it set the mark.
"""

from collections.abc import Iterable

import msgspec

from warden.core.errors import Closed, Effect, WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.closed_mark import ClosedMark, mark_in
from warden.core.openbao.resources import is_template
from warden.core.remedies import RunWarden, warden
from warden.ports.journal import Journal
from warden.ports.vault import Vault


def mark_there(lane: Lane, vault: Vault) -> ClosedMark | None:
    """The mark of the lane's path; ``None`` also where that cannot be seen, or OpenBao does not answer."""
    if is_template(lane):
        return None
    try:
        metadata = vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        return None
    return mark_in(metadata.custom) if metadata else None


def look_closer(lane_id: str, *, journaled: bool) -> RunWarden:
    """Where it says why a lane is closed; a closing of another machine is not in this journal."""
    return warden("journal log", lane=lane_id) if journaled else warden("status", lane_id)


class LanesClosed(msgspec.Struct, frozen=True):
    """These lanes are closed, and nothing is done with a closed lane."""

    lanes: tuple[str, ...]


def expect_open(lanes: Iterable[Lane], vault: Vault, journal: Journal, effect: Effect) -> None:
    """Raise `Closed` with all that are closed, in the journal or by the mark of their path."""
    journaled = {lane for lane, state in journal.states().items() if state.closed}
    closed = tuple(lane.id for lane in lanes if lane.id in journaled or mark_there(lane, vault))
    if closed:
        look = look_closer(closed[0], journaled=closed[0] in journaled)
        raise Closed(LanesClosed(closed), effect=effect, subject=closed[0], remedy=(look,))
