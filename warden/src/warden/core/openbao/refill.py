"""How a path gets a live version again: the one that was deleted, or a new value."""

from warden.core.lanes.lane import Lane
from warden.core.openbao.api import KvMetadata
from warden.core.remedies import Remedy, RunBao, RunWarden, warden


def undelete(mount: str, key: str, version: int) -> RunBao:
    """Bring a version back that was deleted and not destroyed."""
    return RunBao(action="undelete", mount=mount, path=key, name=str(version))


def put_values(lane: Lane) -> RunWarden:
    """Put a value into each field."""
    return warden("put", lane.id, *lane.custody.fields)


def refill(lane: Lane, metadata: KvMetadata | None) -> Remedy:
    """Where the lane has no live version: the newest one where that was only deleted, otherwise values to put."""
    custody = lane.custody
    if metadata is not None and metadata.deleted:
        return (undelete(custody.mount, custody.key, metadata.deleted),)
    return (put_values(lane),)
