"""Resources x Observed -> Plan: what differs on the server from what a lane declares, and nothing else.

A role is compared field by field with everything the server states of it: a field that was not derived and is set
counts as drift, because it may widen or narrow who gets in. A policy is compared as text: any difference is a finding.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.lanes.lane import LoginMount
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.resources import (
    Resources,
    Role,
    RoleName,
    lane_marked_in,
    path_read_by,
    role_fields,
    roles_marked_in,
)

Action = Literal["create", "change", "delete", "keep", "foreign", "absent"]

NEUTRAL = {"token_type": "default", "bound_claims_type": "string", "callback_mode": "client"}
"""Fields of a role whose default is not empty; any other field that is set and was not derived is drift."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What the server states about the objects that a plan looks at; ``None`` where there is none.

    ``auth`` holds the type of each auth mount; ``claimed`` the roles that the metadata of *any* lane's path claims.
    ``former`` has the metadata of paths that were the lane's before its file was changed, and are still marked so.
    """

    mount: Mount | None
    metadata: KvMetadata | None
    policies: Mapping[str, str | None]
    auth: Mapping[str, str | None]
    roles: Mapping[RoleName, dict[str, Any] | None]
    claimed: frozenset[RoleName]
    former: Mapping[str, KvMetadata] = {}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One object and what has to happen to it.

    ``lines`` is the readable difference: ``+`` will be there, ``-`` will be gone. ``wanted`` is what `apply` writes.
    ``foreign``: an object of that name exists and is not marked as ours. ``absent``: the auth mount is not there, and
    a lane does not declare auth mounts. ``kind`` is ``mount``, ``metadata``, ``policy`` or ``role`` on OpenBao, and the
    object's own kind in a cluster; ``remark`` says who is in the way, ``mend`` by which command that is ended, where
    neither `apply` nor ``--take-over`` can.
    """

    action: Action
    kind: str
    name: str
    lines: tuple[str, ...] = ()
    wanted: Any = None
    role: RoleName | None = None
    remark: str = ""
    mend: str = ""

    @property
    def told(self) -> str:
        """The remark, and what to do about it."""
        return f"{self.remark}: {self.mend}" if self.mend else self.remark

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        return self.action != "keep"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Every object of a lane in the order in which `apply` makes it so: access comes last, its removal first.

    ``left_behind`` are paths that were the lane's before: what they hold is nobody's to remove but a person's.
    """

    lane: str
    changes: tuple[Change, ...]
    left_behind: tuple[str, ...] = ()

    @property
    def to_change(self) -> tuple[Change, ...]:
        """What differs."""
        return tuple(change for change in self.changes if change.differs)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """What `apply` refuses to touch."""
        return tuple(change for change in self.changes if change.action in {"foreign", "absent"})


def plan(
    resources: Resources,
    observed: Observed,
    declared: Mapping[RoleName, Role],
    logins: Mapping[str, LoginMount],
    *,
    take_over: bool = False,
) -> Plan:
    """What to change, given every role the catalog declares (`declared`) and the login mounts' settings.

    `take_over` makes objects of our names that are not marked as ours into ordinary changes.
    """
    if resources.closed:
        return _closing(resources, observed, declared, logins, take_over=take_over)
    abandoned = _abandoned(resources, observed)
    changes = [
        *(_role_change(name, declared.get(name), observed, logins, take_over=take_over) for name in abandoned),
        *_abandoned_policies(resources, observed),
        _mount_change(resources, observed),
        _metadata_change(resources, observed, take_over=take_over),
        _policy_change(resources, observed, take_over=take_over),
        *(_role_change(role.name, role, observed, logins, take_over=take_over) for role in resources.roles),
    ]
    return Plan(lane=resources.lane.id, changes=tuple(changes), left_behind=tuple(observed.former))


def _closing(
    resources: Resources,
    observed: Observed,
    declared: Mapping[RoleName, Role],
    logins: Mapping[str, LoginMount],
    *,
    take_over: bool,
) -> Plan:
    """What is left of a closed lane: its policy out of every role first, then gone. Nothing is made anew.

    What its file no longer declares goes as well: a change of the file that was never applied opens nothing.
    """
    gone = _abandoned_policies(resources, observed)
    names = [role.name for role in resources.roles if observed.roles.get(role.name) is not None]
    roles = [
        _role_change(name, declared.get(name), observed, logins, take_over=take_over)
        for name in (*names, *_abandoned(resources, observed))
    ]
    own = {resources.policy, *(change.name for change in gone)}
    roles = [each for each in roles if each.action != "foreign" or _grants(observed, each.role, own)]
    text = observed.policies.get(resources.policy)
    action: Action = "keep"
    if text is not None:
        action = "delete" if lane_marked_in(text) == resources.lane.id or take_over else "foreign"
    policy = Change(action=action, kind="policy", name=resources.policy, lines=_removed(text or ""))
    return Plan(lane=resources.lane.id, changes=(*roles, *gone, policy), left_behind=tuple(observed.former))


def _grants(observed: Observed, role: RoleName | None, policies: set[str]) -> bool:
    """Whether the role has one of these policies; somebody else's that has none keeps nobody from closing."""
    found = (observed.roles.get(role) if role else None) or {}
    return bool(policies & set(found.get("token_policies") or ()))


def names_to_observe(resources: Resources, metadata: KvMetadata | None) -> tuple[frozenset[RoleName], frozenset[str]]:
    """The roles and policies a plan needs to see: those derived now, and those marked earlier."""
    custom = metadata.custom if metadata else {}
    roles = frozenset(role.name for role in resources.roles) | roles_marked_in(custom)
    return roles, frozenset({resources.policy, custom.get("policy") or resources.policy})


def undeclared_policies(observed: Mapping[RoleName, dict[str, Any] | None], declared: frozenset[str]) -> list[str]:
    """The policies in roles that are none of those `declared`: one of them may be the lane's own of before."""
    named = {str(name) for role in observed.values() if role for name in role.get("token_policies") or ()}
    return sorted(named - declared)


def former_paths(resources: Resources, policies: Mapping[str, str | None]) -> list[str]:
    """The paths, other than its own, that policies marked for the lane read."""
    ours = [text for text in policies.values() if text and lane_marked_in(text) == resources.lane.id]
    return sorted({path for text in ours if (path := path_read_by(text))} - {resources.lane.custody.path})


def _abandoned(resources: Resources, observed: Observed) -> list[RoleName]:
    """Roles that this lane claimed and no longer has: deleted, or left to the lanes that still declare them."""
    here = [observed.metadata] if observed.metadata else []
    ours = [each for each in here if each.custom.get("catalog-id") == resources.lane.id]
    marked = {role for each in (*ours, *observed.former.values()) for role in roles_marked_in(each.custom)}
    return sorted(marked - {role.name for role in resources.roles})


def _abandoned_policies(resources: Resources, observed: Observed) -> list[Change]:
    return [
        Change(action="delete", kind="policy", name=name, lines=_removed(text))
        for name, text in sorted(observed.policies.items())
        if text is not None and name != resources.policy and lane_marked_in(text) == resources.lane.id
    ]


def _mount_change(resources: Resources, observed: Observed) -> Change:
    name = resources.lane.custody.mount
    if observed.mount is None:
        return Change(action="create", kind="mount", name=name, lines=("+ kv, version 2",))
    if observed.mount.type != "kv" or observed.mount.version != 2:  # noqa: PLR2004 - KV v2
        found = f"{observed.mount.type} v{observed.mount.version}".removesuffix(" v0")
        return Change(action="foreign", kind="mount", name=name, lines=(f"- {found}", "+ kv, version 2"))
    return Change(action="keep", kind="mount", name=name)


def _metadata_change(resources: Resources, observed: Observed, *, take_over: bool) -> Change:
    name = resources.lane.custody.path
    before = dict(observed.metadata.custom) if observed.metadata else {}
    owner = before.get("catalog-id", resources.lane.id)
    stale = {str(role) for role in roles_marked_in(before)} - set(resources.marks)
    wanted: dict[str, str | None] = {k: v for k, v in resources.marks.items() if before.get(k) != v}
    wanted |= dict.fromkeys(sorted(stale))
    if owner != resources.lane.id and not take_over:
        return Change(action="foreign", kind="metadata", name=name, lines=(f"- catalog-id = {owner}",))
    if not wanted:
        return Change(action="keep", kind="metadata", name=name)
    action: Action = "change" if observed.metadata else "create"
    lines = [line for key, value in wanted.items() for line in _difference(key, before.get(key), value)]
    return Change(action=action, kind="metadata", name=name, lines=tuple(lines), wanted=wanted)


def _policy_change(resources: Resources, observed: Observed, *, take_over: bool) -> Change:
    name, text = resources.policy, resources.policy_text
    found = observed.policies.get(name)
    if found is None:
        return Change(action="create", kind="policy", name=name, lines=_added(text), wanted=text)
    if found == text:
        return Change(action="keep", kind="policy", name=name)
    ours = lane_marked_in(found) == resources.lane.id or take_over
    lines = (*_removed(found), *_added(text))
    return Change(action="change" if ours else "foreign", kind="policy", name=name, lines=lines, wanted=text)


def _role_change(
    name: RoleName, role: Role | None, observed: Observed, logins: Mapping[str, LoginMount], *, take_over: bool
) -> Change:
    found = observed.roles.get(name)
    if role is None:
        gone = [] if found is None else [f"- token_policies = {_shown(found.get('token_policies'))}"]
        action: Action = "delete" if gone else "keep"
        return Change(action=action, kind="role", name=str(name), lines=tuple(gone), role=name)
    auth_type = observed.auth.get(name.mount)
    if auth_type is None:
        return Change(
            action="absent", kind="role", name=str(name), lines=(f"- no auth mount {name.mount}/",), role=name
        )
    wanted = role_fields(role, auth_type, logins.get(name.mount, LoginMount()))
    if found is None:
        lines = tuple(f"+ {key} = {_shown(value)}" for key, value in wanted.items())
        return Change(action="create", kind="role", name=str(name), lines=lines, wanted=wanted, role=name)
    wanted = wanted | {key: type(value)() for key, value in _extra(found, wanted).items()}
    different = {key: value for key, value in wanted.items() if not _same(found.get(key), value)}
    if not different:
        return Change(action="keep", kind="role", name=str(name), role=name)
    lines = tuple(line for key, value in different.items() for line in _difference(key, found.get(key), value))
    ours = name in observed.claimed or take_over
    return Change(
        action="change" if ours else "foreign", kind="role", name=str(name), lines=lines, wanted=wanted, role=name
    )


def widening(change: Change) -> str:
    """In words, how the server's object lets in or reaches more than the lane declares; empty where it does not."""
    gone = [line.removeprefix("- ").strip() for line in change.lines if line.startswith("- ")]
    come = [line.removeprefix("+ ").strip() for line in change.lines if line.startswith("+ ")]
    if change.kind == "policy":
        stanzas = [line for line in gone if line.startswith("path ") and line not in come]
        return f"the policy reaches further than the lane: {'; '.join(stanzas)}" if stanzas else ""
    if change.action != "create" and any(line.startswith(("audience ", "bound_audiences ")) for line in come):
        unset = not any(line.startswith(("audience ", "bound_audiences ")) for line in gone)
        return "the role sets no audience, so a token made for any service logs in" if unset else ""
    return ""


def _extra(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is set on the role though nothing derived it."""
    return {key: value for key, value in found.items() if key not in wanted and value and NEUTRAL.get(key) != value}


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return bool(found == wanted) or (not found and not wanted)


def _difference(key: str, before: Any, after: Any) -> list[str]:
    gone = [f"- {key} = {_shown(before)}"] if before else []
    come = [f"+ {key} = {_shown(after)}"] if after else []
    return gone + come


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _added(text: str) -> tuple[str, ...]:
    return tuple(f"+ {line}" for line in text.splitlines())


def _removed(text: str) -> tuple[str, ...]:
    return tuple(f"- {line}" for line in text.splitlines())
