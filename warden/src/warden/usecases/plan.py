"""plan: look at what a lane implies on OpenBao and say what differs. Nothing is changed and no value is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from warden.core.errors import Refused
from warden.core.lanes.lane import Lane, LoginMount
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.comparison import Observed, Plan, former_paths, names_to_observe, undeclared_policies
from warden.core.openbao.comparison import plan as compare
from warden.core.openbao.resources import (
    Resources,
    RoleName,
    derive,
    expect_concrete,
    is_template,
    roles_marked_in,
    roles_of,
)
from warden.ports.vault import Vault

_Found = TypeVar("_Found")


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
        UsageError: a placeholder is left in the lane's path.
        Inconclusive, Refused: as the port Vault says.
    """
    expect_concrete(lane)
    resources = derive(lane, lanes, closed)
    observed = observe(resources, lanes, vault, seen or Seen())
    return compare(resources, observed, roles_of(lanes, closed), logins, take_over=take_over)


def observe(resources: Resources, lanes: Iterable[Lane], vault: Vault, seen: Seen) -> Observed:
    """Ask the server for every object the plan compares."""
    custody, catalog = resources.lane.custody, tuple(lanes)
    metadata = vault.kv_metadata(custody.mount, custody.key)
    names, wanted = names_to_observe(resources, metadata)
    roles = _roles(names, vault, seen)
    policies = {name: vault.policy(name) for name in sorted(wanted)}
    known = frozenset(each.custody.policy_name for each in catalog) | wanted
    policies |= {name: _unless_refused(vault.policy, name) for name in undeclared_policies(roles, known)}
    former = _former(resources, policies, vault)
    for before in former.values():
        names, wanted = names_to_observe(resources, before)
        roles |= _roles(names - roles.keys(), vault, seen)
        policies |= {name: vault.policy(name) for name in sorted(wanted - policies.keys())}
    claimed = _claims_of_others(resources, frozenset(roles), catalog, vault)
    return Observed(
        mount=seen.mount(custody.mount, vault),
        metadata=metadata,
        policies=policies,
        auth={mount: seen.auth_type(mount, vault) for mount in sorted({role.mount for role in roles})},
        roles=roles,
        claimed=claimed.union(*map(_claims, (metadata, *former.values()))),
        former=former,
    )


def _roles(names: Iterable[RoleName], vault: Vault, seen: Seen) -> dict[RoleName, dict[str, Any] | None]:
    return {
        name: vault.role(name.mount, name.name) if seen.auth_type(name.mount, vault) else None for name in sorted(names)
    }


def _former(resources: Resources, policies: Mapping[str, str | None], vault: Vault) -> dict[str, KvMetadata]:
    """The paths that were the lane's before its file named another; their marks say which roles it had there."""
    found = {}
    for path in former_paths(resources, policies):
        mount, _, key = path.partition("/")
        metadata = _unless_refused(vault.kv_metadata, mount, key)
        if metadata is not None and metadata.custom.get("catalog-id") == resources.lane.id:
            found[path] = metadata
    return found


def _unless_refused(look: Callable[..., _Found | None], *what: str) -> _Found | None:
    """What of before may not be looked at is not the caller's to change either; it keeps nobody from closing."""
    try:
        return look(*what)
    except Refused:
        return None


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
