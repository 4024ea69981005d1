"""The metadata of a lane's path: marks that say whose it is, and that no write may replace a value it has not seen."""

from collections.abc import Mapping

from warden.core.lanes.approval import GROUPS
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.resources import APPROVAL_POLICIES, PROTECTED, Resources, roles_marked_in
from warden.core.plans.plan import BelongsTo, Change, Difference, RenamedFrom

CAS_REQUIRED = "cas_required"
"""A setting of a KV v2 path: who writes names the version that is replaced (*secret/kv/kv-v2*). `apply` sets it.

Without it two writers overwrite each other silently: a second person, a script, a PushSecret of another cluster.
"""


def metadata_change(
    resources: Resources, metadata: KvMetadata | None, ids: frozenset[str], *, take_over: bool
) -> Change:
    """What the marks and the setting lack; `ids` are the lane's id and the one before a rename."""
    name = resources.lane.custody.path
    before = dict(metadata.custom) if metadata else {}
    owner = before.get("catalog-id", resources.lane.id)
    stale = _ours_among(before) - set(resources.marks)
    wanted: dict[str, str | None] = {k: v for k, v in resources.marks.items() if before.get(k) != v}
    wanted |= dict.fromkeys(sorted(stale))
    obstacle = _claim_of_another(owner, resources, ids)
    if isinstance(obstacle, BelongsTo) and not take_over:
        return Change(action="foreign", kind="metadata", name=name, obstacle=obstacle)
    unguarded = () if metadata and metadata.cas_required else (Difference(CAS_REQUIRED, None, True),)
    if not wanted and not unguarded:
        return Change(action="keep", kind="metadata", name=name)
    return Change(
        action="change" if metadata else "create",
        kind="metadata",
        name=name,
        differences=(*(Difference(key, before.get(key), value) for key, value in wanted.items()), *unguarded),
        wanted=wanted,
        obstacle=obstacle,
    )


def _ours_among(custom: Mapping[str, str]) -> set[str]:
    """The marks that a lane has or has not, by what it declares; those that it always has are replaced, never stale."""
    groups = {key for key in custom if key.startswith(GROUPS)}
    return {str(role) for role in roles_marked_in(custom)} | groups | {PROTECTED, APPROVAL_POLICIES} & custom.keys()


def _claim_of_another(owner: str, resources: Resources, ids: frozenset[str]) -> BelongsTo | RenamedFrom | None:
    if owner == resources.lane.id:
        return None
    return RenamedFrom(owner) if owner in ids else BelongsTo(owner)
