"""Which live tokens are a closed lane's: those that hold its policy, or that a role of this lane alone gave out."""

from collections.abc import Iterable, Mapping

import msgspec

from warden.core.access_index.snapshot import LiveToken, Unknown
from warden.core.lanes.lane import Lane, RoleName
from warden.core.openbao.api import role_in


class LiveTokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens that are alive, as far as the caller may see them; ``caller`` is the accessor of its own.

    ``unknown`` says what could not be looked at, and the right that it takes.
    """

    tokens: tuple[LiveToken, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    caller: str = ""


def roles_of_lane_alone(lane: Lane, lanes: Iterable[Lane]) -> frozenset[RoleName]:
    """The roles of the lane's readers that no other lane has; a token of a shared one serves those lanes, too."""
    others = {other.role_name(each) for other in lanes if other.id != lane.id for each in other.readers}
    return frozenset(lane.role_name(each) for each in lane.readers) - others


def tokens_of(
    tokens: Iterable[LiveToken], policies: frozenset[str], roles: frozenset[RoleName]
) -> tuple[LiveToken, ...]:
    """The tokens that hold one of these policies, or logged in by one of these roles; in the order they are in."""
    return tuple(
        each for each in tokens if policies & {*each.policies, *each.identity_policies} or _logged_in_by(each, roles)
    )


def role_of(token: LiveToken) -> str:
    """The role of its login; empty where its metadata names none."""
    return role_in(token.meta)


def mount_of(token: LiveToken) -> str:
    """The auth mount of its login, as `Identity.mount`; empty for one that nobody logged in for."""
    login = token.path.removeprefix("auth/")
    return login.rpartition("/login")[0] or login.rpartition("/oidc/")[0]


def _logged_in_by(token: LiveToken, roles: frozenset[RoleName]) -> bool:
    mount, role = mount_of(token), role_of(token)
    return bool(role) and any((each.mount, each.name) == (mount, role) for each in roles)


def shown(token: LiveToken) -> Mapping[str, str]:
    """What the journal keeps of a token: an accessor names it and gives no access."""
    return {"accessor": token.accessor, "display_name": token.display_name, "role": role_of(token)}
