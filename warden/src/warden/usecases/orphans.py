"""What is left of lanes whose files are gone: policies and roles in OpenBao, and ExternalSecrets in clusters."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from warden.core.errors import Refused
from warden.core.lanes.lane import KvPath, RoleName
from warden.core.openbao.orphans import OrphanedPolicy
from warden.core.openbao.resources import is_template, keeps, lane_marked_in, path_read_by, roles_marked_in, roles_of
from warden.core.openbao.ssh_roles import SshResources
from warden.core.plans.lane_plan import Orphan
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.plan_ssh import orphaned
from warden.usecases.steps.orphans import of_gone_lanes


class Orphans(msgspec.Struct, frozen=True, kw_only=True):
    """``policies`` is ``None`` where the caller may not list policies: then nothing is known of them.

    ``subjects`` are actors and hosts that the inventory does not declare any more.
    """

    policies: tuple[OrphanedPolicy, ...] | None = ()
    subjects: tuple[SshResources, ...] = ()
    deliveries: tuple[Orphan, ...] = ()


def orphans(context: Context) -> Orphans:
    """Look for them; answers none while a file of the catalog has errors, because it may declare any of them.

    Raises as the ports do, except `Refused`.
    """
    if context.unreadable:
        return Orphans()
    try:
        names = context.vault.policy_names()
    except Refused:
        return Orphans(policies=None, deliveries=of_gone_lanes(context))
    return Orphans(
        policies=tuple(_orphaned_policies(names, context, context.vault)),
        subjects=tuple(orphaned(context, names)),
        deliveries=of_gone_lanes(context),
    )


def _orphaned_policies(names: frozenset[str], context: Context, vault: Vault) -> Iterator[OrphanedPolicy]:
    concrete = [lane for lane in context.lanes.values() if not is_template(lane)]
    declared = {name for lane in concrete for name in lane.policy_names}
    paths = {KvPath(lane.custody.mount, lane.custody.key) for lane in concrete}
    for name in sorted(names - declared):
        text = _unless_refused(vault, name)
        lane, path = lane_marked_in(text), path_read_by(text)
        if lane is not None and lane not in context.lanes and path not in paths:
            roles = dict(_roles(path, name, context, vault))
            yield OrphanedPolicy(
                policy=name,
                lane=lane,
                path=str(path) if path else "",
                roles=tuple(role for role, alone in roles.items() if alone),
                shared=tuple(role for role, alone in roles.items() if not alone),
            )


def _unless_refused(vault: Vault, policy: str) -> str:
    """A policy that may not be read is not one of the derived names, which the caller's rights cover."""
    try:
        return vault.policy(policy) or ""
    except Refused:
        return ""


def _roles(path: KvPath | None, policy: str, context: Context, vault: Vault) -> Iterator[tuple[RoleName, bool]]:
    """The roles that the path's marks name and that are there, and whether each is of no other use."""
    metadata = vault.kv_metadata(path.mount, path.key) if path else None
    declared = roles_of(context.lanes.values())
    for role in sorted(roles_marked_in(metadata.custom if metadata else {})):
        found = vault.role(role) if keeps(vault.auth_type(role.mount), role) else None
        if found is not None:
            yield role, role not in declared and _policies(found) <= {policy}


def _policies(role: Mapping[str, Any]) -> set[str]:
    return {str(name) for name in role.get("token_policies") or ()}
