"""What a comparison with OpenBao has at hand: what the server states, and what the catalog declares."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from warden.core.lanes.lane import KvPath, RoleName
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.identity_groups import ObservedGroup
from warden.core.openbao.sharing import Declared, kept_policies
from warden.core.plans.plan import KeptPolicy


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What the server states about the objects that a plan looks at; ``None`` where there is none.

    ``auth`` holds the type of each auth mount; ``claimed`` the roles that the metadata of *any* lane's path claims.
    ``former`` has the metadata of paths that were the lane's before its file was changed, and are still marked so.
    ``custom`` is the custom metadata of the paths of this lane and of those that share a role with it, by lane.
    ``expiring`` has the end (ISO 8601) of each policy that has one; ``groups`` the identity groups of approvers.
    """

    mount: Mount | None
    metadata: KvMetadata | None
    policies: Mapping[str, str | None]
    auth: Mapping[str, str | None]
    roles: Mapping[RoleName, dict[str, Any] | None]
    claimed: frozenset[RoleName]
    former: Mapping[KvPath, KvMetadata] = {}
    custom: Mapping[str, Mapping[str, str]] = {}
    expiring: Mapping[str, str] = {}
    groups: Mapping[str, ObservedGroup] = {}


class Comparison(NamedTuple):
    """What is compared, and with what."""

    observed: Observed
    declared: Declared
    ids: frozenset[str]
    """The lane's id, and the one it had before a rename."""
    take_over: bool

    def kept(self, name: RoleName) -> tuple[KeptPolicy, ...]:
        """The policies that stay in a role although nothing readable declares them."""
        role, found = self.declared.roles.get(name), self.observed.roles.get(name) or {}
        derived = role.policies if role else ()
        return kept_policies(name, derived, found.get("token_policies") or (), self.observed.policies, self.declared)
