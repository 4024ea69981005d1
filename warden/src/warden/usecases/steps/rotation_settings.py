"""What is wrong with a lane's rotations by the sources that they name: settings, and no management key."""

from collections.abc import Iterator

from warden.core.errors import Missing
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lanes.rules import Complaint
from warden.core.rotation.provider import SourceBroken
from warden.ports.provider import Sources


def rotation_complaints(lane: Lane, sources: Sources) -> Iterator[Complaint]:
    """Every complaint, in the order of the file. Plug-ins that the lane names are imported; nobody is asked."""
    listed = isinstance(lane.rotation, tuple)
    for index, one in enumerate(lane.rotations):
        yield from _of(one, f"rotation[{index}]" if listed else "rotation", sources)


def _of(one: Rotation, where: str, sources: Sources) -> Iterator[Complaint]:
    try:
        plugin = sources.plugin(one.source)
    except Missing as fault:
        broken = fault.problem
        clause = f"cannot be used: {broken.why}" if isinstance(broken, SourceBroken) else "is not installed"
        yield Complaint(f"{where}.source", f"{clause}; installed: {', '.join(sources.names())}")
        return
    for each in plugin.faults(one.settings):
        yield Complaint(f"{where}.settings.{each.key}" if each.key else f"{where}.settings", each.message)
    if plugin.needs_management and one.management is None:
        clause = f"needs management: the lane that holds the key with which {one.source} makes and ends keys"
        yield Complaint(where, clause)
