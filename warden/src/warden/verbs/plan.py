"""plan: look at what a lane implies on OpenBao and say what differs. Nothing is changed and no value is read."""

from collections.abc import Iterable, Mapping, Sequence

from warden.domain.lane import Lane, LoginMount
from warden.domain.plan import Observed, Plan, names_to_observe
from warden.domain.plan import plan as compare
from warden.domain.resources import (
    Resources,
    RoleName,
    derive,
    expect_concrete,
    is_template,
    roles_marked_in,
    roles_of,
)
from warden.domain.server import KvMetadata
from warden.ports import Vault


def plan(
    lane: Lane,
    lanes: Sequence[Lane],
    vault: Vault,
    *,
    logins: Mapping[str, LoginMount],
    closed: frozenset[str] = frozenset(),
    take_over: bool = False,
) -> Plan:
    """Compare the server with what `lane` declares, among all `lanes` of the catalog.

    Raises:
        Usage: a placeholder is left in the lane's path.
        Inconclusive, Refused: as the port Vault says.
    """
    expect_concrete(lane)
    resources = derive(lane, lanes, closed)
    observed = observe(resources, lanes, vault)
    return compare(resources, observed, roles_of(lanes, closed), logins, take_over=take_over)


def observe(resources: Resources, lanes: Iterable[Lane], vault: Vault) -> Observed:
    """Ask the server for every object the plan compares."""
    custody = resources.lane.custody
    metadata = vault.kv_metadata(custody.mount, custody.key)
    roles, policies = names_to_observe(resources, metadata)
    auth = {mount: vault.auth_type(mount) for mount in sorted({role.mount for role in roles})}
    return Observed(
        mount=vault.mount(custody.mount),
        metadata=metadata,
        policies={name: vault.policy(name) for name in sorted(policies)},
        auth=auth,
        roles={name: vault.role(name.mount, name.name) if auth[name.mount] else None for name in sorted(roles)},
        claimed=_claims(metadata) | _claims_of_others(resources, roles, lanes, vault),
    )


def _claims(metadata: KvMetadata | None) -> frozenset[RoleName]:
    return roles_marked_in(metadata.custom) if metadata else frozenset()


def _claims_of_others(
    resources: Resources, roles: frozenset[RoleName], lanes: Iterable[Lane], vault: Vault
) -> frozenset[RoleName]:
    """What the other lanes of the same readers have marked: their role is ours as well."""
    claims: frozenset[RoleName] = frozenset()
    for lane in lanes:
        shares = any(RoleName(reader.mount, lane.role_of(reader)) in roles for reader in lane.readers)
        if shares and lane.id != resources.lane.id and not is_template(lane):
            claims |= _claims(vault.kv_metadata(lane.custody.mount, lane.custody.key))
    return claims
