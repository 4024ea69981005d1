"""Entries back from the index: what `msgspec.json.encode` made of them is made an entry again."""

from typing import Any

import msgspec

from warden.core.lanes.catalog import KINDS, Entry
from warden.core.lanes.lane import Lane, PeopleReader, WorkloadReader


class _Stored(Lane, frozen=True, kw_only=True):
    """A lane whose readers are still plain: msgspec does not tell two structures apart that carry no tag."""

    readers: tuple[dict[str, Any], ...]  # type: ignore[assignment]  # on purpose, and only here


def thawed(kind: str, encoded: bytes) -> Entry:
    """The entry of that kind. Raises `msgspec.MsgspecError` where the text is not one."""
    if kind != "lane":
        return msgspec.json.decode(encoded, type=KINDS[kind])
    stored = msgspec.json.decode(encoded, type=_Stored)
    values = {name: getattr(stored, name) for name in Lane.__struct_fields__}
    readers = tuple(
        msgspec.convert(each, WorkloadReader if "workload" in each else PeopleReader) for each in stored.readers
    )
    return Lane(**values | {"readers": readers})
