"""OpenBao's answers about auth methods, identities and tokens as parts of a `Snapshot`; nothing secret is kept.

API pages: https://openbao.org/api-docs/auth/ (one a method), identity/entity, identity/group, auth/token.
"""

from collections.abc import Mapping
from typing import Any

from warden.core.access_index.snapshot import (
    Alias,
    AuthMount,
    Entity,
    Group,
    Kind,
    LiveToken,
    LoginRole,
    SecretMount,
)

FOLDERS: dict[str, tuple[tuple[str, Kind], ...]] = {
    "kubernetes": (("role", "role"),),
    "jwt": (("role", "role"),),
    "oidc": (("role", "role"),),
    "approle": (("role", "approle"),),
    "userpass": (("users", "user"),),
    "cert": (("certs", "certificate"),),
    "ldap": (("users", "user"), ("groups", "directory-group")),
    "radius": (("users", "user"),),
    "kerberos": (("groups", "directory-group"),),
    "token": (("roles", "token-role"),),
}
"""Type of an auth method -> the folders that what gives tokens is in."""

CONFIGS: dict[str, tuple[str, ...]] = {
    "kubernetes": ("config",),
    "jwt": ("config",),
    "oidc": ("config",),
    "ldap": ("config",),
    "radius": ("config",),
    "kerberos": ("config/ldap",),
}
"""Type -> the paths of its configuration that say whom it believes."""

DIRECTORIES = {
    "ldap": ("token_policies",),
    "kerberos": ("token_policies",),
    "radius": ("unregistered_user_policies", "token_policies"),
}
"""Type -> the fields of the configuration with the policies that everybody in the directory gets."""

_KEPT = (
    "allowed_",
    "alias_name_source",
    "bound_",
    "callback_mode",
    "certificate",
    "disallowed_",
    "groups",
    "groups_claim",
    "oidc_disable_confirmation",
    "orphan",
    "role_id",
    "role_type",
    "token_",
    "user_claim",
)
_CONFIG_KEPT = (
    "bound_issuer",
    "default_role",
    "disable_iss_validation",
    "issuer",
    "jwks_url",
    "jwt_validation_pubkeys",
    "kubernetes_host",
    "oidc_discovery_url",
    "pem_keys",
    "token_policies",
    "token_reviewer_jwt_set",
    "unregistered_user_policies",
    "url",
)


def texts(value: object) -> tuple[str, ...]:
    """A list of names, which some methods write as one text with commas."""
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def role_of(mount: AuthMount, kind: Kind, folder: str, name: str, data: Mapping[str, Any]) -> LoginRole:
    """A role, a user or a group as its method states it."""
    own = kind == "directory-group" or mount.type in {"ldap", "radius"}
    fields = ("policies",) if own else ("token_policies", "policies")
    policies = (
        () if kind == "token-role" else dict.fromkeys(each for field in fields for each in texts(data.get(field)))
    )
    return LoginRole(
        namespace=mount.namespace,
        mount=mount.path,
        mount_type=mount.type,
        kind=kind,
        name=name,
        path=f"auth/{mount.path}/{folder}/{name}",
        policies=tuple(each.lower() for each in policies),
        no_default=bool(data.get("token_no_default_policy")),
        fields={field: value for field, value in data.items() if field.startswith(_KEPT)},
    )


def directory_of(mount: AuthMount) -> LoginRole | None:
    """Everybody in the directory that the mount asks; none for a mount that has no directory."""
    if mount.type not in DIRECTORIES or mount.config is None:
        return None
    given = {field: texts(mount.config.get(field)) for field in DIRECTORIES[mount.type]}
    return LoginRole(
        namespace=mount.namespace,
        mount=mount.path,
        mount_type=mount.type,
        kind="directory",
        name="config",
        path=f"auth/{mount.path}/{CONFIGS[mount.type][0]}",
        policies=tuple(dict.fromkeys(each.lower() for policies in given.values() for each in policies)),
        no_default=bool(mount.config.get("token_no_default_policy")),
        fields={field: policies for field, policies in given.items() if policies},
    )


def config_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of a method's configuration decides whom it believes."""
    kept = (*_CONFIG_KEPT, "token_no_default_policy")
    return {field: data[field] for field in kept if field in data}


def auth_mount_of(namespace: str, path: str, data: Mapping[str, Any]) -> AuthMount:
    """An entry of ``sys/auth``; in a namespace the token method has a type of its own (2.7.2, measured)."""
    kind = str(data.get("type") or "")
    return AuthMount(
        namespace=namespace,
        path=path.strip("/"),
        type="token" if kind == "ns_token" else kind,
        accessor=str(data.get("accessor") or ""),
        local=bool(data.get("local")),
        description=str(data.get("description") or ""),
    )


def secret_mount_of(namespace: str, path: str, data: Mapping[str, Any]) -> SecretMount:
    """An entry of ``sys/mounts``."""
    kind = str(data.get("type") or "")
    version = str((data.get("options") or {}).get("version") or "1")
    return SecretMount(
        namespace=namespace,
        path=path.strip("/"),
        type=kind,
        version=(int(version) if version.isdecimal() else 1) if kind == "kv" else 0,
        accessor=str(data.get("accessor") or ""),
    )


def _alias(data: Mapping[str, Any]) -> Alias:
    return Alias(
        id=str(data.get("id") or ""),
        name=str(data.get("name") or ""),
        mount_accessor=str(data.get("mount_accessor") or ""),
        metadata=data.get("metadata") or {},
        custom_metadata=data.get("custom_metadata") or {},
    )


def entity_of(namespace: str, data: Mapping[str, Any]) -> Entity:
    """``identity/entity/id/<id>``."""
    return Entity(
        namespace=namespace,
        id=str(data["id"]),
        name=str(data.get("name") or ""),
        policies=texts(data.get("policies")),
        disabled=bool(data.get("disabled")),
        metadata=data.get("metadata") or {},
        aliases=tuple(_alias(each) for each in data.get("aliases") or ()),
        groups=texts(data.get("group_ids")),
    )


def group_of(namespace: str, data: Mapping[str, Any]) -> Group:
    """``identity/group/id/<id>``."""
    alias = data.get("alias") or {}
    return Group(
        namespace=namespace,
        id=str(data["id"]),
        name=str(data.get("name") or ""),
        external=data.get("type") == "external",
        policies=texts(data.get("policies")),
        metadata=data.get("metadata") or {},
        entities=texts(data.get("member_entity_ids")),
        groups=texts(data.get("member_group_ids")),
        alias=_alias(alias) if alias.get("id") else None,
    )


def token_of(namespace: str, data: Mapping[str, Any]) -> LiveToken:
    """``auth/token/lookup-accessor``."""
    return LiveToken(
        namespace=str(data.get("namespace_path") or namespace).strip("/"),
        accessor=str(data.get("accessor") or ""),
        display_name=str(data.get("display_name") or ""),
        policies=texts(data.get("policies")),
        identity_policies=texts(data.get("identity_policies")),
        path=str(data.get("path") or ""),
        ttl=int(data.get("ttl") or 0),
        entity=str(data.get("entity_id") or ""),
        meta=data.get("meta") or {},
    )
