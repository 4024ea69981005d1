"""The command that takes policies from whoever holds them, as data."""

from collections.abc import Iterable, Sequence

import msgspec

from warden.core.access_index.acl import Acl, full_path
from warden.core.access_index.holders import Holders, Part
from warden.core.access_index.policies import PathRule, Policy
from warden.core.access_index.snapshot import LoginRole, Snapshot
from warden.core.quoting import name, placeholder
from warden.core.remedies import Remedy, RunBao

DEFAULT = "default"
"""The policy that every login gives: it is mended once, not taken from each."""

_BY_TOKEN_POLICIES = {"kubernetes", "jwt", "oidc", "approle", "userpass", "cert"}
"""Types whose roles keep every other field when one is written."""


def removal(holders: Holders, part: Part, gone: frozenset[str]) -> Remedy:
    """What takes the policies in `gone` from this identity, and leaves it everything else."""
    identity = part.identity
    namespace = holders.snapshot.option(identity.namespace)
    if gone == {DEFAULT}:
        return (RunBao(action="edit-policy", name=DEFAULT, namespace=namespace),)
    if identity.kind == "token":
        accessor = identity.name.rpartition("/")[2]
        return (RunBao(action="revoke-accessor", name=accessor, namespace=namespace),)
    if identity.kind in {"entity", "group"}:
        kept = sorted(key[1] for key in part.policies if key[1] not in gone)
        return (of_identity(identity.kind, identity.label, kept, namespace),)
    role = holders.roles.get((identity.namespace, identity.name))
    return (_of_role(role, gone, namespace),) if role is not None else ()


def mended_policy(snapshot: Snapshot | None, policy: str, allowed: Iterable[tuple[str, str]]) -> RunBao:
    """What takes from a policy in `base` the rules that allow this, each a path there and a capability.

    It is edited by hand, or deleted where no rule would be left: OpenBao refuses to write an empty policy.
    """
    space = snapshot.namespaces.get(snapshot.base) if snapshot else None
    held = space.policies.get(policy) if space else None
    empty = snapshot is not None and held is not None and policy != DEFAULT and _is_all(held, tuple(allowed), snapshot)
    return RunBao(action="delete-policy" if empty else "edit-policy", name=placeholder(policy))


def _is_all(policy: Policy, allowed: Sequence[tuple[str, str]], snapshot: Snapshot) -> bool:
    """Whether each of its rules, alone, allows some of that."""

    def allows(rule: PathRule) -> bool:
        acl = Acl([msgspec.structs.replace(policy, rules=(rule,))], snapshot.taken_at)
        decisions = (acl.decide(full_path(snapshot.base, path), need) for path, need in allowed)
        return any(each.allowed in {"yes", "conditional"} for each in decisions)

    return bool(policy.rules) and all(map(allows, policy.rules))


def of_identity(kind: str, identifier: str, kept: Iterable[str], namespace: str) -> RunBao:
    """Leave an ``entity`` or a ``group`` these policies and no others."""
    path = f"identity/{kind}/id/{identifier}"
    return RunBao(action="write", path=path, settings=_policies("policies", kept), namespace=namespace)


def _of_role(role: LoginRole, gone: frozenset[str], namespace: str) -> RunBao:
    kept = [each for each in role.policies if each not in gone]
    settings = _kept_fields(role)
    if role.kind == "directory":
        settings += _of_directory(role, gone)
        settings += (("token_no_default_policy", "true"),) if "default" in gone else ()
    elif role.mount_type in _BY_TOKEN_POLICIES:
        settings += _policies("token_policies", kept) if gone - {"default"} else ()
        settings += (("token_no_default_policy", "true"),) if "default" in gone else ()
    else:
        settings += _policies("policies", kept)
    return RunBao(action="write", path=placeholder(name(role.path)), settings=settings, namespace=namespace)


def _of_directory(role: LoginRole, gone: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Each field of the configuration that gives one of them."""
    found: tuple[tuple[str, str], ...] = ()
    for field, held in role.fields.items():
        left = [each for each in held if each.lower() not in gone]
        found += _policies(field, left) if len(left) < len(held) else ()
    return found


_RESET = {
    "jwt": ("role_type", "bound_claims_type", "callback_mode", "oidc_disable_confirmation"),
    "oidc": ("role_type", "bound_claims_type", "callback_mode", "oidc_disable_confirmation"),
    "kubernetes": ("bound_service_account_namespace_selector",),
    "ldap": ("groups",),
}
"""Type -> the fields that a write resets where it does not name them (OpenBao 2.7, each method's ``path_role.go``)."""


_DEFAULTS = ("string", "client")
"""Of ``bound_claims_type`` and ``callback_mode``."""


def _kept_fields(role: LoginRole) -> tuple[tuple[str, str], ...]:
    """Those fields as they are, but for what the server takes them to be anyway."""
    if role.kind == "directory":
        return ()
    found = ((field, role.fields.get(field)) for field in _RESET.get(role.mount_type, ()))
    return tuple((field, name(_text(value))) for field, value in found if value and value not in _DEFAULTS)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _policies(field: str, names: Sequence[str] | Iterable[str]) -> tuple[tuple[str, str], ...]:
    return ((field, ",".join(name(each) for each in names)),)
