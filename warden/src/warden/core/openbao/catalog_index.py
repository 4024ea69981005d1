"""The lanes of a catalog by what they share, so that no lane of many is compared by looking through all of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from warden.core.lanes.lane import Lane, RoleName
from warden.core.openbao.resources import Role, is_template, roles_of


class CatalogIndex:
    """Every lane of a catalog; what follows from all of them is made once."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self.lanes = tuple(lanes)
        self._roles: dict[frozenset[str], Mapping[RoleName, Role]] = {}

    @cached_property
    def ids(self) -> frozenset[str]:
        """Of all lanes."""
        return frozenset(lane.id for lane in self.lanes)

    @cached_property
    def policies(self) -> frozenset[str]:
        """The policies of all lanes, by name."""
        return frozenset(name for lane in self.lanes for name in lane.policy_names)

    @cached_property
    def groups(self) -> frozenset[str]:
        """The identity groups of approvers of all lanes, by name."""
        return frozenset(group.name for lane in self.lanes if not is_template(lane) for group in lane.approver_groups)

    @cached_property
    def protected(self) -> frozenset[str]:
        """The lanes whose files say that they are protected."""
        return frozenset(lane.id for lane in self.lanes if lane.protected)

    @cached_property
    def policies_of(self) -> Mapping[str, tuple[str, ...]]:
        """Each lane's policies, by the lane's id."""
        return {lane.id: tuple(lane.policy_names) for lane in self.lanes}

    @cached_property
    def _by_role(self) -> Mapping[RoleName, list[tuple[int, Lane]]]:
        found: dict[RoleName, list[tuple[int, Lane]]] = defaultdict(list)
        for number, lane in enumerate(self.lanes):
            for reader in (*lane.readers, *lane.approvers):
                found[lane.role_name(reader)].append((number, lane))
        return found

    def roles(self, closed: frozenset[str] = frozenset()) -> Mapping[RoleName, Role]:
        """As `roles_of`."""
        if closed not in self._roles:
            self._roles[closed] = roles_of(self.lanes, closed)
        return self._roles[closed]

    def sharing(self, roles: Iterable[RoleName]) -> tuple[Lane, ...]:
        """The lanes that have one of these roles, in the catalog's order; those with a placeholder have none yet."""
        found = {number: lane for role in roles for number, lane in self._by_role.get(role, ())}
        return tuple(found[number] for number in sorted(found) if not is_template(found[number]))
