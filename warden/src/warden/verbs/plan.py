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
from warden.domain.server import KvMetadata, Mount
from warden.ports import Vault


class Seen:
    """What stays as it is while several lanes are looked at: mounts and auth mounts are asked for once."""

    def __init__(self) -> None:
        self._mounts: dict[str, Mount | None] = {}
        self._auth: dict[str, str | None] = {}
        self._roles: dict[RoleName, bool] = {}

    def mount(self, name: str, vault: Vault) -> Mount | None:
        """As the port Vault."""
        if name not in self._mounts:
            self._mounts[name] = vault.mount(name)
        return self._mounts[name]

    def auth_type(self, mount: str, vault: Vault) -> str | None:
        """As the port Vault."""
        if mount not in self._auth:
            self._auth[mount] = vault.auth_type(mount)
        return self._auth[mount]

    def has_role(self, role: RoleName, vault: Vault) -> bool:
        """Whether the server has that role."""
        if role not in self._roles:
            self._roles[role] = vault.role(role.mount, role.name) is not None
        return self._roles[role]


def plan(
    lane: Lane,
    lanes: Sequence[Lane],
    vault: Vault,
    *,
    logins: Mapping[str, LoginMount],
    closed: frozenset[str] = frozenset(),
    take_over: bool = False,
    seen: Seen | None = None,
) -> Plan:
    """Compare the server with what `lane` declares, among all `lanes` of the catalog.

    `seen` is kept from one lane to the next where nothing is changed in between.

    Raises:
        Usage: a placeholder is left in the lane's path.
        Inconclusive, Refused: as the port Vault says.
    """
    expect_concrete(lane)
    resources = derive(lane, lanes, closed)
    observed = observe(resources, lanes, vault, seen or Seen())
    return compare(resources, observed, roles_of(lanes, closed), logins, take_over=take_over)


def observe(resources: Resources, lanes: Iterable[Lane], vault: Vault, seen: Seen) -> Observed:
    """Ask the server for every object the plan compares."""
    custody = resources.lane.custody
    metadata = vault.kv_metadata(custody.mount, custody.key)
    roles, policies = names_to_observe(resources, metadata)
    auth = {mount: seen.auth_type(mount, vault) for mount in sorted({role.mount for role in roles})}
    return Observed(
        mount=seen.mount(custody.mount, vault),
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
