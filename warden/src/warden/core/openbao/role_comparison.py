"""An auth role as it is declared, compared field by field with everything the server states of it.

A field that was not derived and is set counts as drift, because it may widen or narrow who gets in.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from warden.core.lanes.lane import RoleName
from warden.core.lanes.readers import CertificateReader
from warden.core.openbao.compared import Comparison
from warden.core.openbao.resources import Role, Settings, lane_marked_in, mount_types, role_fields
from warden.core.plans.plan import (
    AuthMountMissing,
    Change,
    Difference,
    NoAudience,
    NoAuthority,
    NoRedirect,
    NotMarked,
    Obstacle,
    OtherAuthType,
    SharedWithUnreadable,
)
from warden.core.remedies import EditFile, Remedy, warden

NEUTRAL = {"token_type": "default", "bound_claims_type": "string", "callback_mode": "client"}
"""Fields of a role whose default is not empty, and which cannot be written empty (auth/jwt); any other field that is
set and was not derived is drift."""


USUAL_REDIRECT = "http://localhost:8250/oidc/callback"
"""Where ``bao login`` listens unless it is told otherwise."""

_UNCHANGEABLE = frozenset({"local_secret_ids"})
"""Says where an AppRole's SecretIDs are replicated to; it can be set only when the role is made."""


def role_change(name: RoleName, role: Role | None, given: Comparison, *, closing: bool = False) -> Change:
    """What has to happen to the role; `role` is `None` where nothing declares it any more."""
    found = given.observed.roles.get(name)
    if role is None and (found is None or not given.declared.unreadable):
        return _role_removal(name, found)
    kept = [each.policy for each in given.kept(name)]
    role = _without_protected(role, found, given) if role else None
    if role is None or found is None:
        return _own_role_change(name, role, found, given) if role else _only_policies(name, found or {}, kept)
    role = _with_earlier_names(role, found, given)
    shared = msgspec.structs.replace(role, policies=tuple(sorted({*role.policies, *kept})))
    change = _own_role_change(name, shared, found, given, closing=closing)
    if not kept or all(each.field == _POLICIES for each in change.differences):
        return change
    if closing:
        return _only_policies(name, found, shared.policies)
    files = SharedWithUnreadable(given.declared.unreadable)
    return msgspec.structs.replace(change, action="foreign", obstacle=files, remedy=(warden("catalog check"),))


_POLICIES = "token_policies"


def _only_policies(name: RoleName, found: Mapping[str, Any], policies: Sequence[str]) -> Change:
    """A role that a file with errors may declare, too, so that nothing but its policies changes.

    Everything else is written as it is: a role without its ``role_type`` would become another one (auth/jwt).
    """
    if set(policies) == set(found.get(_POLICIES) or ()):
        return Change(action="keep", kind="role", name=str(name), role=name)
    kept = {key: value for key, value in found.items() if value is not None and key not in _UNCHANGEABLE}
    wanted = kept | {_POLICIES: list(policies)}
    different = (Difference(_POLICIES, found.get(_POLICIES), list(policies) or None),)
    return Change(action="change", kind="role", name=str(name), differences=different, wanted=wanted, role=name)


def _own_role_change(
    name: RoleName, role: Role, found: Mapping[str, Any] | None, given: Comparison, *, closing: bool = False
) -> Change:
    auth_type = given.observed.auth.get(name.mount)
    if auth_type is None:
        missing = AuthMountMissing(name.mount, mount_types(role.reader)[0])
        return Change(action="absent", kind="role", name=str(name), role=name, obstacle=missing)
    settings = given.declared.settings
    obstacle = _unfit(role, auth_type, settings)
    if obstacle is not None and not closing:
        remedy = _edit(obstacle)
        return Change(action="absent", kind="role", name=str(name), role=name, obstacle=obstacle, remedy=remedy)
    wanted = role_fields(role, auth_type, settings)
    if obstacle is not None and found is not None:  # closing waits for no file: the rest of the role stays as it is
        return _only_policies(name, found, role.policies)
    if found is None:
        different = tuple(Difference(key, None, _shown(key, value)) for key, value in wanted.items())
        return Change(action="create", kind="role", name=str(name), differences=different, wanted=wanted, role=name)
    wanted = wanted | {key: NEUTRAL.get(key, type(value)()) for key, value in surplus(found, wanted).items()}
    different = tuple(
        Difference(key, _shown(key, found.get(key)) or None, _shown(key, value) or None)
        for key, value in wanted.items()
        if not is_same(found.get(key), value)
    )
    if not different:
        return Change(action="keep", kind="role", name=str(name), role=name)
    ours = name in given.observed.claimed
    unset = any(each.field in _AUDIENCE and each.before is None and each.after is not None for each in different)
    return Change(
        action="change" if ours or given.take_over else "foreign",
        kind="role",
        name=str(name),
        differences=different,
        wanted=wanted,
        role=name,
        obstacle=None if ours else NotMarked(),
        widening=NoAudience() if unset else None,
    )


def _with_earlier_names(role: Role, found: Mapping[str, Any], given: Comparison) -> Role:
    """The role with what another lane has there under an earlier name: taking that out is the other lane's `apply`.

    Until then the policy of its new name does not exist, and its reader would lose access.
    """
    others = role.lanes - given.ids
    names = (str(each) for each in found.get("token_policies") or ())
    earlier = {each for each in names if lane_marked_in(given.observed.policies.get(each) or "") in others}
    return msgspec.structs.replace(role, policies=tuple(sorted({*role.policies, *earlier})))


def _without_protected(role: Role, found: Mapping[str, Any] | None, given: Comparison) -> Role:
    """The role with the policies of other protected lanes that it has on the server, whatever their files say.

    Otherwise a reader that is added to the file of a protected lane would get in by applying, or closing, another one.
    """
    there = set(map(str, (found or {}).get(_POLICIES) or ()))
    others = given.declared.protected
    return msgspec.structs.replace(role, policies=tuple(sorted((set(role.policies) - others) | (there & others))))


def _unfit(role: Role, auth_type: str, settings: Settings) -> Obstacle | None:
    """Why no role for that reader can be there."""
    if auth_type not in mount_types(role.reader):
        return OtherAuthType(role.name.mount, auth_type, mount_types(role.reader))
    if isinstance(role.reader, CertificateReader) and not settings.authorities.get(role.reader.ca):
        return NoAuthority(role.reader.ca)
    if role_fields(role, auth_type, settings).get("allowed_redirect_uris") == []:
        return NoRedirect(role.name.mount)
    return None


def _edit(obstacle: Obstacle) -> Remedy:
    if not isinstance(obstacle, NoRedirect):
        return ()
    field = f"logins.{obstacle.mount}.redirect_uris"
    return (EditFile(file="platform.yaml", field=field, value=f"[{USUAL_REDIRECT}]"),)


def _shown(key: str, value: Any) -> Any:
    """A certificate by its hash: what it says is in its file."""
    if key != "certificate" or not value:
        return value
    return f"sha256 of the PEM {hashlib.sha256(str(value).strip().encode()).hexdigest()}"


_AUDIENCE = frozenset({"audience", "bound_audiences"})
"""The field of a role that limits whose tokens log in, on a kubernetes and on a jwt mount."""


def _role_removal(name: RoleName, found: Mapping[str, Any] | None) -> Change:
    if found is None:
        return Change(action="keep", kind="role", name=str(name), role=name)
    different = (Difference("token_policies", found.get("token_policies"), None),)
    return Change(action="delete", kind="role", name=str(name), differences=different, role=name)


def surplus(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is set on the role although nothing derived it."""
    kept = {key: value for key, value in found.items() if key not in wanted and key not in _UNCHANGEABLE}
    return {key: value for key, value in kept.items() if value and NEUTRAL.get(key) != value}


def is_same(found: Any, wanted: Any) -> bool:
    """Whether they mean the same. Lists of a role are sets to OpenBao; unset and empty are the same."""
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    if isinstance(wanted, str) and isinstance(found, str):
        return found.strip() == wanted.strip()
    return bool(found == wanted) or (not found and not wanted)
