"""What must hold of ``approval`` of a people's reader: (field, clause, whether it is a warning) for what is wrong."""

import re
from collections.abc import Iterator

from warden.core.lanes.approval import LONGEST_TTL, Approval
from warden.core.lanes.lane import Lane, PeopleReader

_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_MOST = 10
"""More approvers than that for one read are a mistake."""


def approval_faults(lane: Lane) -> Iterator[tuple[str, str, bool]]:
    """Everything that is wrong with the approvals of a lane's readers."""
    first: dict[str, tuple[str, Approval]] = {}
    for index, reader in enumerate(lane.readers):
        if not isinstance(reader, PeopleReader) or reader.approval is None:
            continue
        field = f"readers[{index}].approval"
        yield from _of_one(reader, reader.approval, field)
        name = lane.policy_of(reader)
        other, known = first.setdefault(name, (field, reader.approval))
        if known != reader.approval:
            clause = f"differs from {other}; a group approves every reader of a lane alike"
            yield field, clause, False


def _of_one(reader: PeopleReader, approval: Approval, field: str) -> Iterator[tuple[str, str, bool]]:
    if not _GROUP.fullmatch(approval.group):
        clause = "is not a valid name; allowed: letters, digits, . _ - inside, at most 64"
        yield f"{field}.group", clause, False
    elif approval.group == reader.people:
        clause = "is the group that reads: its members approve for each other"
        yield f"{field}.group", clause, True
    if not 1 <= approval.approvals <= _MOST:
        yield f"{field}.approvals", f"is {approval.approvals}; write 1 to {_MOST}, or remove approval:", False
    if not 1 <= approval.ttl <= LONGEST_TTL:
        yield f"{field}.ttl", f"is {approval.ttl}s; a request can wait 1s to {LONGEST_TTL // 3600}h", False
    elif approval.ttl > reader.ttl:
        clause = (
            f"is longer than the reader's token lives ({_minutes(reader.ttl)}), and a request ends with it; raise ttl"
        )
        yield f"{field}.ttl", clause, True


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
