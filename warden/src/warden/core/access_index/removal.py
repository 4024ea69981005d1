"""The command that takes policies from whoever holds them, as data."""

from collections.abc import Iterable, Sequence

from warden.core.access_index.holders import Holders, Part
from warden.core.access_index.snapshot import LoginRole
from warden.core.quoting import name, placeholder
from warden.core.remedies import Remedy, RunBao

_BY_TOKEN_POLICIES = {"kubernetes", "jwt", "oidc", "approle", "userpass", "cert"}
"""Types whose roles keep every other field when one is written."""


def removal(holders: Holders, part: Part, gone: frozenset[str]) -> Remedy:
    """What takes the policies in `gone` from this identity, and leaves it everything else."""
    identity = part.identity
    if identity.kind == "token":
        accessor = identity.name.rpartition("/")[2]
        return (RunBao(action="revoke-accessor", name=accessor, namespace=identity.namespace),)
    if identity.kind in {"entity", "group"}:
        kept = sorted(key[1] for key in part.policies if key[1] not in gone)
        path = f"identity/{identity.kind}/id/{identity.label}"
        return (RunBao(action="write", path=path, settings=_policies("policies", kept), namespace=identity.namespace),)
    role = next((each.role for each in holders.logins if each.role.key == (identity.namespace, identity.name)), None)
    return (_of_role(role, gone),) if role is not None else ()


def _of_role(role: LoginRole, gone: frozenset[str]) -> RunBao:
    kept = [each for each in role.policies if each not in gone]
    if role.mount_type in _BY_TOKEN_POLICIES or role.kind == "directory":
        settings = _policies("token_policies", kept) if gone - {"default"} else ()
        if "default" in gone:
            settings += (("token_no_default_policy", "true"),)
    else:
        settings = _policies("policies", kept)
        if role.mount_type == "ldap" and role.kind == "user":
            settings += _policies("groups", [str(each) for each in role.fields.get("groups") or ()])
    return RunBao(action="write", path=placeholder(name(role.path)), settings=settings, namespace=role.namespace)


def _policies(field: str, names: Sequence[str] | Iterable[str]) -> tuple[tuple[str, str], ...]:
    return ((field, ",".join(name(each) for each in names)),)
