"""What several lanes share, and what happens to it while the file of one of them cannot be read or is gone.

A role has the policies of every lane that its reader may read. Only a lane's own file says that its policy leaves a
role: as long as a file of the catalog cannot be read, a policy that no readable lane accounts for may be that file's.
"""

from collections.abc import Iterable, Mapping

import msgspec

from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.resources import Resources, Role, Settings, lane_marked_in
from warden.core.plans.plan import KeptPolicy


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalog declares beside the lane that is compared.

    Attributes:
        roles: every role of every readable lane.
        settings: what roles need beside the lanes.
        lanes: the ids of the readable lanes.
        unreadable: the catalog's files with errors; one of them may declare any lane that is not among `lanes`.
        groups: the identity groups of approvers of every readable lane.
        protected: the policies of other lanes that are protected and open: whether a role has one changes with the
            lane that it is of, under an approval, and not with this one.
    """

    roles: Mapping[RoleName, Role]
    settings: Settings
    lanes: frozenset[str]
    unreadable: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()


def kept_policies(
    role: RoleName, derived: Iterable[str], there: Iterable[str], texts: Mapping[str, str | None], declared: Declared
) -> tuple[KeptPolicy, ...]:
    """The policies that stay in a role although no readable lane puts them `there`; none while every file is readable.

    `texts` has the text of each policy that no readable lane derives, ``None`` where it cannot be seen.
    """
    if not declared.unreadable:
        return ()
    kept = []
    for policy in sorted(set(there) - set(derived)):
        text = texts.get(policy)
        lane = lane_marked_in(text) if text else ""
        if policy in texts and lane is not None and lane not in declared.lanes:
            kept.append(KeptPolicy(role=str(role), policy=policy, lane=lane, files=declared.unreadable))
    return tuple(kept)


def renamed_from(resources: Resources, metadata: KvMetadata | None, declared: Declared) -> str:
    """The id that a lane had when its path was marked; empty unless it was renamed.

    It was renamed if no file declares that id any more, and every mark but the id is what this lane implies:
    a path that another catalog declares with other owners or readers is somebody else's.
    """
    custom = metadata.custom if metadata else {}
    marked = custom.get("catalog-id", "")
    if not marked or marked == resources.lane.id or marked in declared.lanes or declared.unreadable:
        return ""
    same = all(custom.get(key) == mark for key, mark in resources.marks.items() if key != "catalog-id")
    return marked if same else ""
