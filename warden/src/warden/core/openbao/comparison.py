"""Resources and what the server states of them -> a Plan: what differs from what a lane declares, and nothing else.

A role is compared field by field with everything the server states of it: a field that was not derived and is set
counts as drift, because it may widen or narrow who gets in. A policy is compared as text: any difference is a finding.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from warden.core.lanes.approval import groups_among
from warden.core.lanes.lane import KvPath, RoleName
from warden.core.lanes.readers import CertificateReader, GithubReader, GitlabReader, patterns_of
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.approver_groups import abandoned_groups, group_changes, group_notes
from warden.core.openbao.closing import marking, unmarking
from warden.core.openbao.identity_groups import ObservedGroup
from warden.core.openbao.marks import metadata_change
from warden.core.openbao.resources import (
    APPROVAL_POLICIES,
    Resources,
    Role,
    Settings,
    lane_marked_in,
    mount_types,
    role_fields,
    roles_marked_in,
)
from warden.core.openbao.sharing import Declared, kept_policies, renamed_from
from warden.core.plans.plan import (
    AuthMountMissing,
    Change,
    Difference,
    KeptPolicy,
    NoAudience,
    NoAuthority,
    NotMarked,
    Obstacle,
    OtherAuthType,
    OtherMount,
    Plan,
    ReachesFurther,
    ReaderPattern,
    SharedWithUnreadable,
    System,
)
from warden.core.remedies import warden

NEUTRAL = {"token_type": "default", "bound_claims_type": "string", "callback_mode": "client"}
"""Fields of a role whose default is not empty, and which cannot be written empty (auth/jwt); any other field that is
set and was not derived is drift."""


_UNCHANGEABLE = frozenset({"local_secret_ids"})
"""Says where an AppRole's SecretIDs are replicated to; it can be set only when the role is made."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What the server states about the objects that a plan looks at; ``None`` where there is none.

    ``auth`` holds the type of each auth mount; ``claimed`` the roles that the metadata of *any* lane's path claims.
    ``former`` has the metadata of paths that were the lane's before its file was changed, and are still marked so.
    ``custom`` is the custom metadata of the paths of this lane and of those that share a role with it, by lane.
    ``expiring`` has the end (ISO 8601) of each policy that has one; ``groups`` the identity groups of approvers.
    """

    mount: Mount | None
    metadata: KvMetadata | None
    policies: Mapping[str, str | None]
    auth: Mapping[str, str | None]
    roles: Mapping[RoleName, dict[str, Any] | None]
    claimed: frozenset[RoleName]
    former: Mapping[KvPath, KvMetadata] = {}
    custom: Mapping[str, Mapping[str, str]] = {}
    expiring: Mapping[str, str] = {}
    groups: Mapping[str, ObservedGroup] = {}


EXPIRATION = "expiration"
"""When a policy ends by itself (*sys/policies*), and access through it. A lane's policy ends when the lane does."""


def compare(
    resources: Resources,
    observed: Observed,
    declared: Declared,
    *,
    system: System,
    take_over: bool = False,
) -> Plan:
    """What to change, given what the catalog declares beside this lane.

    `take_over` makes objects of our names that are not marked as ours into ordinary changes.
    """
    renamed = renamed_from(resources, observed.metadata, declared)
    given = _Comparison(observed, declared, frozenset({resources.lane.id, renamed} - {""}), take_over=take_over)
    changes = tuple((_closing if resources.closed else _opening)(resources, given))
    return Plan(
        lane=resources.lane.id,
        system=system,
        changes=changes,
        notes=(
            *(note for each in changes if each.role for note in given.kept(each.role)),
            *_patterns(resources),
            *group_notes(resources.groups, observed.groups),
        ),
        former_paths=tuple(observed.former),
        closed=resources.closed,
    )


def _patterns(resources: Resources) -> Iterator[ReaderPattern]:
    for role in resources.roles:
        reader = role.reader
        if isinstance(reader, GithubReader | GitlabReader | CertificateReader) and reader.match == "glob":
            yield ReaderPattern(reader.label, patterns_of(reader))


class _Comparison(NamedTuple):
    """What is compared, and with what."""

    observed: Observed
    declared: Declared
    ids: frozenset[str]
    """The lane's id, and the one it had before a rename."""
    take_over: bool

    def kept(self, name: RoleName) -> tuple[KeptPolicy, ...]:
        """The policies that stay in a role although nothing readable declares them."""
        role, found = self.declared.roles.get(name), self.observed.roles.get(name) or {}
        derived = role.policies if role else ()
        return kept_policies(name, derived, found.get("token_policies") or (), self.observed.policies, self.declared)


def _opening(resources: Resources, given: _Comparison) -> Iterator[Change]:
    """Access that is not declared any more goes first; access comes last, when all the rest is there."""
    observed = given.observed
    for name in _abandoned(resources, given):
        yield _role_change(name, given.declared.roles.get(name), given)
    yield from _abandoned_policies(resources, given)
    yield from abandoned_groups(_marked_groups(resources, given), given.declared.groups, observed.groups)
    yield _mount_change(resources, observed)
    yield metadata_change(resources, observed.metadata, given.ids, take_over=given.take_over)
    yield from group_changes(resources.groups, observed.groups)
    for policy, text in resources.policies.items():
        yield _policy_change(policy, text, given)
    for role in resources.roles:
        yield _role_change(role.name, role, given)
    yield from unmarking(resources.lane.custody.path, observed.metadata)


def _closing(resources: Resources, given: _Comparison) -> Iterator[Change]:
    """What is left of a closed lane: its policy out of every role first, then gone, then its path marked as closed.

    What its file no longer declares goes as well: a change to the file that was never applied opens nothing.
    """
    observed = given.observed
    abandoned = _abandoned_policies(resources, given)
    own = {*resources.policies, *(change.name for change in abandoned)}
    there = [role.name for role in resources.roles if observed.roles.get(role.name) is not None]
    for name in (*there, *_abandoned(resources, given)):
        change = _role_change(name, given.declared.roles.get(name), given, closing=True)
        if change.action != "foreign" or _grants(observed, name, own):
            yield change
    yield from abandoned
    for policy in resources.policies:
        yield _policy_removal(policy, given)
    lane = resources.lane
    yield from marking(lane.custody.path, lane.id, resources.mark, observed.metadata, observed.mount)


def _policy_removal(name: str, given: _Comparison) -> Change:
    text = given.observed.policies.get(name)
    if text is None:
        return Change(action="keep", kind="policy", name=name)
    ours = lane_marked_in(text) in given.ids
    return Change(
        action="delete" if ours or given.take_over else "foreign",
        kind="policy",
        name=name,
        differences=(Difference("", text, None),),
        obstacle=None if ours else NotMarked(),
    )


def _grants(observed: Observed, role: RoleName, policies: set[str]) -> bool:
    """Whether the role has one of these policies; somebody else's role without any keeps nobody from closing."""
    found = observed.roles.get(role) or {}
    return bool(policies & set(found.get("token_policies") or ()))


def names_to_observe(resources: Resources, metadata: KvMetadata | None) -> tuple[frozenset[RoleName], frozenset[str]]:
    """The roles and policies a plan needs to see: those derived now, and those marked earlier."""
    custom = metadata.custom if metadata else {}
    roles = frozenset(role.name for role in resources.roles) | roles_marked_in(custom)
    earlier = {custom.get("policy"), *custom.get(APPROVAL_POLICIES, "").split(", ")}
    return roles, frozenset({*resources.policies, *filter(None, earlier)})


def _abandoned(resources: Resources, given: _Comparison) -> list[RoleName]:
    """Roles that this lane claimed and no longer has: deleted, or left to the lanes that still declare them."""
    marked = {role for custom in _own_marks(given) for role in roles_marked_in(custom)}
    return sorted(marked - {role.name for role in resources.roles})


def _own_marks(given: _Comparison) -> Iterator[Mapping[str, str]]:
    """The marks at the lane's path, if they are the lane's, and at those that were its before."""
    observed = given.observed
    here = [observed.metadata] if observed.metadata else []
    ours = [each for each in here if each.custom.get("catalog-id") in given.ids]
    return (each.custom for each in (*ours, *observed.former.values()))


def _marked_groups(resources: Resources, given: _Comparison) -> frozenset[str]:
    """The groups that the lane's marks name and it does not name any more; none while a file may name them."""
    if given.declared.unreadable:
        return frozenset()
    marked = frozenset(name for custom in _own_marks(given) for name in groups_among(tuple(custom)))
    return marked - {group.name for group in resources.groups}


def _abandoned_policies(resources: Resources, given: _Comparison) -> list[Change]:
    return [
        Change(action="delete", kind="policy", name=name, differences=(Difference("", text, None),))
        for name, text in sorted(given.observed.policies.items())
        if text is not None and name not in resources.policies and lane_marked_in(text) in given.ids
    ]


def _mount_change(resources: Resources, observed: Observed) -> Change:
    name, found = resources.lane.custody.mount, observed.mount
    wanted = Difference("type", found.type if found else None, "kv"), Difference("version", None, 2)
    if found is None:
        return Change(action="create", kind="mount", name=name, differences=wanted)
    if found.type == "kv" and found.version == 2:  # noqa: PLR2004 - KV v2
        return Change(action="keep", kind="mount", name=name)
    return Change(action="foreign", kind="mount", name=name, obstacle=OtherMount(found.type, found.version))


def _policy_change(name: str, text: str, given: _Comparison) -> Change:
    found = given.observed.policies.get(name)
    different: tuple[Difference, ...] = () if found == text else (Difference("", found, text),)
    if found is None:
        return Change(action="create", kind="policy", name=name, differences=different, wanted=text)
    if name in given.observed.expiring:
        different += (Difference(EXPIRATION, given.observed.expiring[name], None),)
    if not different:
        return Change(action="keep", kind="policy", name=name)
    ours = lane_marked_in(found) in given.ids
    stanzas = tuple(line.strip() for line in found.splitlines() if line.strip().startswith("path "))
    further = tuple(each for each in stanzas if each not in text)
    return Change(
        action="change" if ours or given.take_over else "foreign",
        kind="policy",
        name=name,
        differences=different,
        wanted=text,
        obstacle=None if ours else NotMarked(),
        widening=ReachesFurther(further) if further else None,
    )


def _role_change(name: RoleName, role: Role | None, given: _Comparison, *, closing: bool = False) -> Change:
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
    name: RoleName, role: Role, found: Mapping[str, Any] | None, given: _Comparison, *, closing: bool = False
) -> Change:
    auth_type = given.observed.auth.get(name.mount)
    if auth_type is None:
        missing = AuthMountMissing(name.mount, mount_types(role.reader)[0])
        return Change(action="absent", kind="role", name=str(name), role=name, obstacle=missing)
    settings = given.declared.settings
    obstacle = _unfit(role, auth_type, settings)
    if obstacle is not None and not closing:
        return Change(action="absent", kind="role", name=str(name), role=name, obstacle=obstacle)
    wanted = role_fields(role, auth_type, settings)
    if obstacle is not None and found is not None:  # closing waits for no file: the rest of the role stays as it is
        return _only_policies(name, found, role.policies)
    if found is None:
        different = tuple(Difference(key, None, _shown(key, value)) for key, value in wanted.items())
        return Change(action="create", kind="role", name=str(name), differences=different, wanted=wanted, role=name)
    wanted = wanted | {key: NEUTRAL.get(key, type(value)()) for key, value in _extra(found, wanted).items()}
    different = tuple(
        Difference(key, _shown(key, found.get(key)) or None, _shown(key, value) or None)
        for key, value in wanted.items()
        if not _is_same(found.get(key), value)
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


def _with_earlier_names(role: Role, found: Mapping[str, Any], given: _Comparison) -> Role:
    """The role with what another lane has there under an earlier name: taking that out is the other lane's `apply`.

    Until then the policy of its new name does not exist, and its reader would lose access.
    """
    others = role.lanes - given.ids
    names = (str(each) for each in found.get("token_policies") or ())
    earlier = {each for each in names if lane_marked_in(given.observed.policies.get(each) or "") in others}
    return msgspec.structs.replace(role, policies=tuple(sorted({*role.policies, *earlier})))


def _without_protected(role: Role, found: Mapping[str, Any] | None, given: _Comparison) -> Role:
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
    return None


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


def _extra(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is set on the role although nothing derived it."""
    kept = {key: value for key, value in found.items() if key not in wanted and key not in _UNCHANGEABLE}
    return {key: value for key, value in kept.items() if value and NEUTRAL.get(key) != value}


def _is_same(found: Any, wanted: Any) -> bool:
    """Lists of a role are sets to OpenBao; unset and empty are the same."""
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    if isinstance(wanted, str) and isinstance(found, str):
        return found.strip() == wanted.strip()
    return bool(found == wanted) or (not found and not wanted)
