"""Names that two lanes would share are told apart: each gets more of its path (ADR 0033).

platform/billing/api/postgres -> workload-kv-read-postgres          as long as no other path ends in postgres
platform/orders/api/postgres  -> workload-kv-read-orders.api.postgres, and the first workload-kv-read-billing.api.…
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from warden.core.lanes.lane import Custody, Lane, PeopleReader, Reader, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, longer_role, subject

_TEMPLATE = "<"


def told_apart(lane: Lane, others: Iterable[Lane], paths: Iterable[str] = ()) -> Lane:
    """The lane with derived names that no lane among `others` derives for something else.

    `others` have the names that their files and the convention give, so that the order of files decides nothing; the
    lane itself may be among them. `paths` are those of files that cannot be read further. A name that is written in a
    file stays.
    """
    if _TEMPLATE in lane.custody.path:
        return lane
    beside = [each for each in others if each.id != lane.id and _TEMPLATE not in each.custody.path]
    custody = lane.custody
    if custody.policy is None and (
        _is_shared_policy(lane, beside) or any(_ends_alike(each, custody) for each in paths)
    ):
        custody = msgspec.structs.replace(custody, policy=f"workload-kv-read-{_dotted(custody.key)}")
    readers = tuple(_reader_apart(lane, each, beside) for each in lane.readers)
    if custody is lane.custody and readers == lane.readers:
        return lane
    return msgspec.structs.replace(lane, custody=custody, readers=readers)


def segments_in_names(lane: Lane) -> Iterator[str]:
    """The pieces of text of which one is in the file of each lane that could derive a name of this lane."""
    if lane.custody.policy is None:
        yield lane.custody.secret
    for reader in lane.readers:
        if reader.role is None:
            yield _segment(lane, reader)


def _segment(lane: Lane, reader: Reader) -> str:
    if isinstance(reader, PeopleReader):
        return lane.custody.path.split("/")[-2]
    if isinstance(reader, WorkloadReader):
        return reader.workload.account
    return re.split(r"[^A-Za-z0-9]+", str(getattr(reader, reader.__struct_fields__[0])))[-1]


def _is_shared_policy(lane: Lane, beside: Sequence[Lane]) -> bool:
    name, path = lane.custody.policy_name, lane.custody.path
    return any(each.custody.policy_name == name and each.custody.path != path for each in beside)


def _ends_alike(path: str, custody: Custody) -> bool:
    return path != custody.path and path.rpartition("/")[2].lower() == custody.secret.lower()


def _reader_apart(lane: Lane, reader: Reader, beside: Sequence[Lane]) -> Reader:
    name = (reader.mount, lane.role_of(reader))
    taken = (
        (each.mount, other.role_of(each)) == name and _subject(each) != _subject(reader)
        for other in beside
        for each in other.readers
    )
    if reader.role is not None or isinstance(reader, AppRoleReader) or not any(taken):
        return reader
    return msgspec.structs.replace(reader, role=_longer_role(lane, reader))


def _longer_role(lane: Lane, reader: Reader) -> str:
    """A namespace has no dots, so a dot says where it ends (Kubernetes, *Object Names and IDs*)."""
    if isinstance(reader, WorkloadReader):
        return f"workload-{reader.workload.namespace}.{reader.workload.account}"
    if not isinstance(reader, PeopleReader):
        return longer_role(reader)
    return f"{_dotted(lane.custody.key.rpartition('/')[0])}-{reader.people}-workload-kv-read"


def _subject(reader: Reader) -> str:
    if isinstance(reader, PeopleReader):
        return f"people {reader.people}"
    return reader.workload.subject if isinstance(reader, WorkloadReader) else subject(reader)


def _dotted(path: str) -> str:
    return path.replace("/", ".")
