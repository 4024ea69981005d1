"""The files that lanes are declared in, for the few commands that change one."""

import datetime as dt
from typing import Protocol

from warden.core.lanes.lane import Status
from warden.core.lanes.lane_edit import LaneEdit


class LaneFiles(Protocol):
    """The lane files of a platform directory, in the environment of this call."""

    def edit(self, lane: str, *, status: Status, reviewed: dt.date | None = None) -> LaneEdit:
        """What has to change in the file for that status; nothing is written.

        Raises:
            Invalid: with that status the file would have errors.
            Held: it is not the file any more that the catalog was read from.
            UsageError: it cannot be read, or edited without changing more.
        """

    def write(self, edit: LaneEdit) -> None:
        """Put the edited text in the file's place, at once.

        Raises:
            Held: the file changed since `edit`; it is as somebody else left it.
            UsageError: it cannot be written; it is as it was.
        """
