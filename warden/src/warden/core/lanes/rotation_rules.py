"""What must hold of the part ``rotation`` of a lane, alone and beside the other lanes."""

import re
from collections.abc import Iterator, Mapping

from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation

MOST_TIMES = 100
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)

Fault = tuple[str, str]
"""The field, and what is wrong with it."""


def rotation_faults(lane: Lane) -> Iterator[Fault]:
    """Everything that is wrong with the lane's rotations by themselves."""
    listed = isinstance(lane.rotation, tuple)
    seen: set[str | None] = set()
    for index, one in enumerate(lane.rotations):
        where = f"rotation[{index}]" if listed else "rotation"
        yield from _alone(lane, one, where)
        field = rotated_field(lane, one)
        if field in seen and field is not None:
            yield f"{where}.field" if one.field else where, f"{field} is already rotated by another entry of this list"
        seen.add(field)


def rotated_field(lane: Lane, rotation: Rotation) -> str | None:
    """The field that is meant; ``None`` where the lane has several and none is named."""
    if rotation.field is not None:
        return rotation.field
    return lane.custody.fields[0] if len(lane.custody.fields) == 1 else None


def _alone(lane: Lane, one: Rotation, where: str) -> Iterator[Fault]:
    fields = ", ".join(lane.custody.fields)
    if one.field is None and len(lane.custody.fields) > 1:
        yield where, f"needs field: one of {fields}; for several, write a list of rotations"
    elif one.field is not None and one.field not in lane.custody.fields:
        yield f"{where}.field", f"is not a field of this lane, which has {fields}"
    if not _SOURCE.fullmatch(one.source):
        yield f"{where}.source", "is not the name of a source; write random, prompt, manual or a plug-in's name"
    if not 1 <= one.refused.times <= MOST_TIMES:
        yield f"{where}.refused.times", f"is not from 1 to {MOST_TIMES}"
    if one.management is not None and one.management.partition(".")[0] == lane.id:
        yield f"{where}.management", "is this lane itself; name the lane that holds the provider's management key"


def management_faults(lane: Lane, lanes: Mapping[str, Lane]) -> Iterator[Fault]:
    """A management key that no lane of the catalog holds."""
    listed = isinstance(lane.rotation, tuple)
    for index, one in enumerate(lane.rotations):
        where = f"rotation[{index}].management" if listed else "rotation.management"
        name, _, field = (one.management or "").partition(".")
        holder = lanes.get(name)
        if not name or name == lane.id:
            continue
        if holder is None:
            yield where, f"{name} is not a lane of this catalog, or its file has errors"
        elif field and field not in holder.custody.fields:
            yield where, f"{name} has no field {field}; it has {', '.join(holder.custody.fields)}"
        elif not field and len(holder.custody.fields) > 1:
            yield where, f"{name} has several fields; write {name}.FIELD, one of {', '.join(holder.custody.fields)}"
