"""The port Groups on the HTTP API (https://openbao.org/api-docs/secret/identity/: group, group-alias, lookup)."""

from collections.abc import Callable, Mapping
from typing import Any

from warden.adapters.openbao.answers import NO_CONTENT, NOT_FOUND, OK
from warden.core.lanes.approval import ApproverGroup
from warden.core.openbao.api import Answer
from warden.core.openbao.identity_groups import MADE_BY, IdentityGroup, ObservedGroup

Ask = Callable[..., Answer]
"""Sends a request as the caller; answers of 2xx and of the statuses in ``none``, else raises what the answer means."""


class Groups:
    """The identity groups of one server, as one caller."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def observe(self, group: ApproverGroup) -> ObservedGroup:
        """``identity/group/name/<name>``; then ``identity/lookup/group`` by the alias."""
        answer = self._ask("GET", group.path, none=(NOT_FOUND,))
        found = _group_in(answer.body["data"]) if answer.status == OK else None
        accessor = self._accessor(group.login) if group.login else ""
        if not accessor:
            return ObservedGroup(group=found)
        body = {"alias_name": group.name, "alias_mount_accessor": accessor}
        taken = self._ask("POST", "identity/lookup/group", body, none=(NO_CONTENT, NOT_FOUND))
        return ObservedGroup(group=found, alias_of=str((taken.body.get("data") or {}).get("name") or ""))

    def write(self, group: ApproverGroup) -> None:
        """The group, then its alias: one of another name or mount goes first, as a group has one at most."""
        body = {"metadata": dict(MADE_BY), "policies": []}
        before = self._ask("GET", group.path, none=(NOT_FOUND,))
        if before.status == NOT_FOUND:
            self._ask("POST", group.path, {**body, "type": "external"})
        else:
            self._ask("POST", group.path, body)
        found = _group_in(self._ask("GET", group.path).body["data"])
        if (found.alias, found.alias_mount) == (group.name, group.login):
            return
        if found.alias_id:
            self._ask("DELETE", f"identity/group-alias/id/{found.alias_id}")
        alias = {"name": group.name, "mount_accessor": self._accessor(group.login), "canonical_id": found.id}
        self._ask("POST", "identity/group-alias", alias)

    def delete(self, name: str) -> None:
        """Its alias goes with it."""
        self._ask("DELETE", ApproverGroup(name, "").path)

    def _accessor(self, mount: str) -> str:
        """What identity knows an auth mount by (``sys/auth``); empty where there is none."""
        found = (self._ask("GET", "sys/auth").body.get("data") or {}).get(f"{mount}/") or {}
        return str(found.get("accessor") or "")


def _group_in(data: Mapping[str, Any]) -> IdentityGroup:
    alias = data.get("alias") or {}
    return IdentityGroup(
        id=str(data["id"]),
        name=str(data["name"]),
        type=str(data.get("type") or ""),
        alias=str(alias.get("name") or ""),
        alias_mount=str(alias.get("mount_path") or "").removeprefix("auth/").rstrip("/"),
        alias_id=str(alias.get("id") or ""),
        policies=tuple(map(str, data.get("policies") or ())),
        members=len(data.get("member_entity_ids") or ()),
        metadata={str(key): str(text) for key, text in (data.get("metadata") or {}).items()},
    )
