"""Who decides on a platform: its access policies, and the policy points that ``platform.yaml`` names."""

import os
from collections.abc import Mapping

from warden.adapters.catalog.platform_name import may_have_policy_points
from warden.adapters.policy.cedar import CedarPolicy
from warden.core.lanes.policy_points import AuthzenPoint, PolicyPoint
from warden.ports.policy import Policy


def policies_of(platform_dir: str) -> str:
    """The folder of the access policies."""
    return os.path.join(platform_dir, "policies", "access")


def policy_of(platform_dir: str, environ: Mapping[str, str]) -> Policy:
    """All of them as one. Raises `Invalid` where ``platform.yaml`` has faults, `UsageError` where it is unreadable."""
    cedar = CedarPolicy(policies_of(platform_dir))
    if not may_have_policy_points(platform_dir):  # 25 ms for a parser, on a path that is measured
        return cedar
    from warden.adapters.catalog.files import load_platform
    from warden.adapters.policy.chain import PolicyChain

    platform = load_platform(platform_dir)
    if not platform.policy_points:
        return cedar
    points = [point_policy(each, platform_dir, environ) for each in platform.policy_points]
    return PolicyChain(points if platform.access_policies == "replaced" else [cedar, *points])


def point_policy(point: PolicyPoint, platform_dir: str, environ: Mapping[str, str]) -> Policy:
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
