"""Whether OpenBao itself says that a lane is closed: its path's mark, as far as the caller may see it.

Who may not see it is not let through by that: closing has taken away the policy before it set the mark.
"""

from collections.abc import Iterable

from warden.core.errors import WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.closed_mark import ClosedMark, mark_in
from warden.core.openbao.resources import is_template
from warden.core.remedies import RunWarden, warden
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


def marked_closed(lanes: Iterable[Lane], vault: Vault) -> frozenset[str]:
    """The lanes whose paths are marked."""
    return frozenset(lane.id for lane in lanes if mark_there(lane, vault) is not None)
