"""What else a plan has to look at, beside the objects that the lane derives now."""

from collections.abc import Mapping
from typing import Any

from warden.core.lanes.lane import KvPath, RoleName
from warden.core.openbao.resources import Resources, lane_marked_in, path_read_by


def undeclared_policies(observed: Mapping[RoleName, dict[str, Any] | None], declared: frozenset[str]) -> list[str]:
    """The policies in roles that are not among those `declared`: one of them may be the lane's earlier one."""
    named = {str(name) for role in observed.values() if role for name in role.get("token_policies") or ()}
    return sorted(named - declared)


def former_paths(resources: Resources, policies: Mapping[str, str | None]) -> list[KvPath]:
    """The paths, other than its own, that policies marked for the lane read."""
    custody = resources.lane.custody
    ours = [text for text in policies.values() if text and lane_marked_in(text) == resources.lane.id]
    return sorted({path for text in ours if (path := path_read_by(text))} - {KvPath(custody.mount, custody.key)})
