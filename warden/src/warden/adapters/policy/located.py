"""Who decides on a platform: its access policies, and the policy points that ``platform.yaml`` names."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from warden.adapters.catalog.platform_name import may_have_policy_points
from warden.adapters.policy.cedar import CedarPolicy, replaced_policies, unread_policies
from warden.core.errors import Fault, WardenError
from warden.core.lanes.policy_points import AuthzenPoint, PolicyPoint
from warden.ports.policy import Policy

if TYPE_CHECKING:
    from warden.core.lanes.catalog import Platform


def policies_of(platform_dir: str) -> str:
    """The folder of the access policies."""
    return os.path.join(platform_dir, "policies", "access")


def policy_of(platform_dir: str, environ: Mapping[str, str]) -> Policy:
    """All of them as one. Raises `Invalid` where ``platform.yaml`` has faults, `UsageError` where it is unreadable."""
    cedar = CedarPolicy(policies_of(platform_dir))
    platform = _with_points(platform_dir)
    if platform is None:
        return cedar
    from warden.adapters.policy.chain import PolicyChain

    points = [_policy(each, platform_dir, environ) for each in platform.policy_points]
    return PolicyChain(points if platform.access_policies == "replaced" else [cedar, *points])


def points_of(platform_dir: str, environ: Mapping[str, str]) -> list[tuple[PolicyPoint, Policy]]:
    """Each policy point as it is declared and as it is asked; none where the file has faults, which others report."""
    try:
        platform = _with_points(platform_dir)
    except WardenError:
        return []
    return [(each, _policy(each, platform_dir, environ)) for each in platform.policy_points] if platform else []


def unread_policies_of(platform_dir: str) -> list[Fault]:
    """A warning for each file that looks like an access policy and is asked by nobody."""
    directory = policies_of(platform_dir)
    try:
        platform = _with_points(platform_dir)
    except WardenError:  # whoever asks reports that, too
        platform = None
    replaced = platform is not None and platform.access_policies == "replaced"
    return [*unread_policies(directory), *(replaced_policies(directory) if replaced else [])]


def _with_points(platform_dir: str) -> "Platform | None":
    """What ``platform.yaml`` says; ``None`` where it names no policy point."""
    if not may_have_policy_points(platform_dir):  # 25 ms for a parser, on a path that is measured
        return None
    from warden.adapters.catalog.files import load_platform

    platform = load_platform(platform_dir)
    return platform if platform.policy_points else None


def _policy(point: PolicyPoint, platform_dir: str, environ: Mapping[str, str]) -> Policy:
    """One policy point; nothing is asked yet."""
    from warden.adapters.policy.authzen import AuthzenPolicy
    from warden.adapters.policy.flex_auth import FlexAuthPolicy
    from warden.adapters.policy.point_http import PointHttp

    def authorities() -> str:
        from warden.adapters.catalog.authorities import declared_authorities

        of = (f"the policy point {point.name}", f"ca of {point.name} in platform.yaml")
        return declared_authorities(platform_dir, point.ca, of) if point.ca else ""

    http = PointHttp(point.name, point.url, point.timeout, authorities, environ)
    return AuthzenPolicy(point, http) if isinstance(point, AuthzenPoint) else FlexAuthPolicy(point, http)
