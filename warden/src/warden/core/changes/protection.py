"""Who has to approve changes of a lane: what its file says, and what the mark of its path in OpenBao says.

Both count. A file that drops ``protected``, or names other people, is a change like any other: those whom OpenBao
knows have to approve it.
"""

import re

import msgspec

from warden.core.lanes.lane import Lane, Protected

_MARK = re.compile(r"([1-9][0-9]{0,3}) of ([^,\s]+(?:, [^,\s]+)*)")


class Protection(msgspec.Struct, frozen=True):
    """Who has to approve; ``marked``: so says OpenBao. Without `protected` the mark cannot be understood."""

    protected: Protected | None
    marked: bool = False
    mark: str = ""

    @property
    def said(self) -> str:
        """Who has to approve, as a mark says it; what cannot be understood as it stands there."""
        return self.protected.mark if self.protected else self.mark


def protections(lane: Lane, mark: str | None) -> tuple[Protection, ...]:
    """All that have to be satisfied before the lane is changed; none where it is not protected."""
    declared = (Protection(lane.protected),) if lane.protected else ()
    if mark is None or (lane.protected and lane.protected.mark == mark):
        return declared
    return (*declared, Protection(read_mark(mark), marked=True, mark=mark))


def read_mark(mark: str) -> Protected | None:
    """``2 of alice, bob`` -> who has to approve; ``None`` where it says something else."""
    found = _MARK.fullmatch(mark)
    if found is None:
        return None
    return Protected(approvers=tuple(found[2].split(", ")), approvals=int(found[1]))
