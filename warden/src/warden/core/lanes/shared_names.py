"""Names of OpenBao that two lanes of a catalog cannot both have, for different things."""

from collections.abc import Iterator

from warden.core.lanes.lane import Lane, PeopleReader, Reader, WorkloadReader
from warden.core.lanes.readers import subject as machine_subject


class SharedNames:
    """The names of the lanes that were looked at so far, and whose they are."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self._policies: dict[str, tuple[str, str]] = {}
        self._roles: dict[tuple[str, str], tuple[str, str]] = {}
        self._groups: dict[str, tuple[tuple[str, str], str]] = {}

    def faults(self, lane: Lane) -> Iterator[tuple[str, str]]:
        """(field, clause) for each name of the lane that is another one's already."""
        other = self._paths.setdefault(lane.custody.path, lane.id)
        if other != lane.id:
            yield "custody.path", f"is already the path of {other}"
        for name in lane.policy_names:
            path, other = self._policies.setdefault(name, (lane.custody.path, lane.id))
            if path != lane.custody.path:
                yield "custody.policy", f"{name} is already the policy of {other}, for another path; name another"
        for index, reader in enumerate(lane.readers):
            yield from self._role(lane, reader, _subject(reader), f"readers[{index}].role")
            if isinstance(reader, PeopleReader) and reader.approval:
                yield from self._approvers(lane, reader, f"readers[{index}].approval.group")

    def _approvers(self, lane: Lane, reader: PeopleReader, field: str) -> Iterator[tuple[str, str]]:
        """An identity group stands for one group of one login mount."""
        for each, group in zip(lane.approvers, lane.approver_groups, strict=True):
            if (group.name, group.login) != (reader.approval and reader.approval.group, reader.login):
                continue
            (name, login), other = self._groups.setdefault(group.name.lower(), ((group.name, group.login), lane.id))
            if (name, login) != (group.name, group.login):
                yield field, f"is already {name} of the login {login} ({other}); name another group"
            yield from self._role(lane, each, f"approvers {group.name}", field)

    def _role(self, lane: Lane, reader: Reader, subject: str, field: str) -> Iterator[tuple[str, str]]:
        role = lane.role_of(reader)
        known, other = self._roles.setdefault((reader.mount, role), (subject, lane.id))
        if known != subject:
            yield field, f"{role} on {reader.mount} is already the role of another reader ({other}); name another"


def _subject(reader: Reader) -> str:
    """What one role can be for: everything that decides about a machine's login is a part of it."""
    if isinstance(reader, WorkloadReader):
        return reader.workload.subject
    if isinstance(reader, PeopleReader):
        return f"group {reader.people}"
    return machine_subject(reader)
