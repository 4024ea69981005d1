"""An edit of a lane's file: which fields, from what to what; and where the status of an environment is written."""

from collections.abc import Mapping

import msgspec

STATUS, REVIEWED = "status", "reviewed"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the file, dotted; ``before`` is empty where it was not there."""

    field: str
    before: str
    after: str


class LaneEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written into a lane's file.

    Attributes:
        lane: the lane's id.
        file: the file, as people name it.
        digest: SHA-256 of the file that this is an edit of; another one is refused.
        changes: the fields that change; none where the file says all of it already.
        text: the whole file afterwards.
        also_in: the environments besides the one that is meant in which the status changes, too.
    """

    lane: str
    file: str
    digest: str
    changes: tuple[FieldChange, ...]
    text: str
    also_in: tuple[str, ...] = ()


class FileChanged(msgspec.Struct, frozen=True):
    """The file is not the one any more that was looked at."""

    file: str


class CannotBeEdited(msgspec.Struct, frozen=True):
    """The file's form does not allow an edit that changes nothing else; ``fields`` are to be set by hand."""

    file: str
    fields: tuple[tuple[str, str], ...]


def status_field(own: Mapping[str, bool], environment: str) -> tuple[str, ...]:
    """Where a lane's status in an environment is written.

    `own` are the environments that the file lists, each with whether it has a status of its own; `environment` is the
    one that is meant, empty where the platform has none. Of several listed ones each gets its own status: what was
    proven of one does not count for another.
    """
    if environment not in own:
        return (STATUS,)
    if own[environment] or len(own) > 1:
        return ("environments", environment, STATUS)
    return (STATUS,)
