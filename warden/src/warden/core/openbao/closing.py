"""The changes that mark a lane's path as closed, and that end a closing; see `closed_mark`."""

from collections.abc import Iterator, Mapping

import msgspec

from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.closed_mark import CLOSED, OWNER, REOPENED
from warden.core.plans.plan import Change, Difference, Plan


def marking(path: str, lane: str, mark: str, metadata: KvMetadata | None, mount: Mount | None) -> Iterator[Change]:
    """The change that marks a path as closed; none where it is marked, is another lane's, or has no KV v2 to be in.

    A path that holds nothing yet is marked as well: a closing comes before whatever is applied there later.
    """
    custom = metadata.custom if metadata else {}
    if not mark or CLOSED in custom or custom.get(OWNER, lane) != lane:
        return
    if mount is None or mount.type != "kv" or mount.version != 2:  # noqa: PLR2004 - KV v2
        return
    wanted: dict[str, str | None] = {CLOSED: mark}
    wanted |= {} if OWNER in custom else {OWNER: lane}
    wanted |= {REOPENED: None} if REOPENED in custom else {}
    yield _change(path, wanted, metadata)


def unmarking(path: str, metadata: KvMetadata | None) -> Iterator[Change]:
    """The change that ends a closing; the last one, when all that gives access is there."""
    if metadata is not None and CLOSED in metadata.custom:
        yield _change(path, {CLOSED: None, REOPENED: metadata.custom[CLOSED]}, metadata)


def without_unmarking(plan: Plan) -> Plan:
    """The plan of opening a lane, but for the end of its closing."""
    kept = tuple(each for each in plan.changes if not _ends_closing(each))
    return msgspec.structs.replace(plan, changes=kept)


def _ends_closing(change: Change) -> bool:
    return change.kind == "metadata" and any(each.field == CLOSED and each.after is None for each in change.differences)


def _change(path: str, wanted: Mapping[str, str | None], metadata: KvMetadata | None) -> Change:
    before = metadata.custom if metadata else {}
    return Change(
        action="change" if metadata else "create",
        kind="metadata",
        name=path,
        differences=tuple(Difference(key, before.get(key), value) for key, value in wanted.items()),
        wanted=dict(wanted),
    )
