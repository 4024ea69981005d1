"""Whether a rotation is due: the age of one field's value, by the clock of the server that keeps it.

A version has all fields of a lane, so in a lane of several fields its time says nothing of one of them: whoever puts or
rotates a sibling writes a new one. There the field's own last rotation counts, and the path's age where it had none.
"""

import datetime as dt

from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lanes.rotation_rules import rotated_field
from warden.core.openbao.api import KvMetadata
from warden.core.rotation.mark import rotated_at


def is_due(lane: Lane, rotation: Rotation, metadata: KvMetadata, now: dt.datetime) -> bool:
    """Whether the value is older than its rotation allows; `now` counts where the server did not say the time."""
    since = _since(lane, rotation, metadata)
    return since is not None and ((metadata.asked or now) - since).total_seconds() > rotation.every


def _since(lane: Lane, rotation: Rotation, metadata: KvMetadata) -> dt.datetime | None:
    """Since when the field may have its value; ``None`` where nothing is known."""
    field = rotated_field(lane, rotation)
    if len(lane.custody.fields) == 1 or field is None or metadata.written is None:
        return metadata.written
    own = rotated_at(metadata.custom, field) or metadata.created
    return min(own, metadata.written) if own else metadata.written
