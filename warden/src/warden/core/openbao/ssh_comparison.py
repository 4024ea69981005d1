"""What an actor or a host implies, and what the server states of it -> a Plan.

An SSH role is compared field by field with everything that the server states of it: a field that is set and was not
derived counts as drift.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import Mount, PolicyText
from warden.core.openbao.compared import Comparison, Observed
from warden.core.openbao.comparison import policy_change
from warden.core.openbao.resources import Role, Settings
from warden.core.openbao.role_comparison import is_same, role_change, surplus
from warden.core.openbao.sharing import Declared
from warden.core.openbao.ssh_issuers import FIRST, Issuer, named
from warden.core.openbao.ssh_roles import (
    SshResources,
    SshRole,
    is_of,
    logins_marked_in,
    platform_marked_in,
    ssh_role_in,
)
from warden.core.plans.plan import (
    Change,
    Difference,
    NoDefaultKey,
    NotMarked,
    OtherEngine,
    OtherPlatform,
    Plan,
    System,
    UsedByLanes,
)
from warden.core.remedies import EditFile, warden

ENGINE = "ssh"
"""The type of the mount."""
_LISTS = frozenset({"allowed_users", "allowed_domains"})
"""Fields of an SSH role that hold names with commas between them."""


class SshObserved(msgspec.Struct, frozen=True, kw_only=True):
    """What the server states about the objects of an actor or a host; ``None`` where there is none.

    ``roles`` are SSH roles, ``logins`` auth roles; ``auth`` has the type of each auth mount.
    """

    mount: Mount | None = None
    issuers: tuple[Issuer, ...] = ()
    policy: PolicyText | None = None
    roles: Mapping[SshRole, Mapping[str, Any] | None] = {}
    auth: Mapping[str, str | None] = {}
    logins: Mapping[RoleName, dict[str, Any] | None] = {}


class SshDeclared(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared beside the actor or host that is compared.

    ``logins`` is every auth role of the inventory, ``lanes`` the lanes whose readers log in by one of this actor's.
    """

    settings: Settings
    logins: Mapping[RoleName, Role] = {}
    lanes: Mapping[RoleName, tuple[str, ...]] = {}


class _Given(NamedTuple):
    resources: SshResources
    observed: SshObserved
    declared: SshDeclared
    ours: bool
    """Whether the policy that is there says that it was derived for this actor or host."""
    take_over: bool

    @property
    def marked(self) -> str:
        """The text of the policy, if it is ours."""
        return self.observed.policy.text if self.observed.policy and self.ours else ""


def names_to_observe(
    resources: SshResources, policy: PolicyText | None
) -> tuple[frozenset[SshRole], frozenset[RoleName]]:
    """The SSH roles and auth roles that a plan needs to see: those derived now, and those that the policy names."""
    roles = {SshRole(resources.mount, resources.role)} if resources.mount else set()
    marked = policy.text if policy and is_of(resources, policy.text) else ""
    earlier = ssh_role_in(marked)
    logins = frozenset(each.name for each in resources.logins) | logins_marked_in(marked)
    return frozenset(roles | ({earlier} if earlier else set())), logins


def compare(
    resources: SshResources, observed: SshObserved, declared: SshDeclared, *, system: System, take_over: bool = False
) -> Plan:
    """What to change. Access that is not declared any more goes first; access comes last."""
    policy = observed.policy
    ours = policy is not None and is_of(resources, policy.text)
    given = _Given(resources, observed, declared, ours, take_over)
    return Plan(lane=resources.subject, system=system, changes=tuple(_changes(given)))


def _changes(given: _Given) -> Iterator[Change]:
    resources = given.resources
    logins = _compared(given)
    for name in sorted(logins_marked_in(given.marked) - {each.name for each in resources.logins}):
        yield role_change(name, given.declared.logins.get(name), logins)
    yield from _former_role(given)
    if resources.mount:
        yield _mount_change(given)
        yield _key_change(given)
    yield _policy_change(given)
    if resources.mount:
        yield _ssh_role_change(given)
    for each in resources.logins:
        yield _login_change(each, given, logins)


def _policy_change(given: _Given) -> Change:
    name, text, found = given.resources.policy, given.resources.policy_text, given.observed.policy
    if not given.resources.gone:
        change = policy_change(name, text, found, ours=given.ours, take_over=given.take_over)
        other = platform_marked_in(found.text) if found and not given.ours else ""
        return msgspec.structs.replace(change, obstacle=OtherPlatform(other)) if other else change
    if found is None:
        return Change(action="keep", kind="policy", name=name)
    return Change(action="delete", kind="policy", name=name, differences=(Difference("", found.text, None),))


def _compared(given: _Given) -> Comparison:
    """The logins, compared as those of lanes are."""
    observed = Observed(
        mount=None,
        metadata=None,
        policies={},
        auth=given.observed.auth,
        roles=given.observed.logins,
        claimed=logins_marked_in(given.marked),
    )
    declared = Declared(roles=given.declared.logins, settings=given.declared.settings, lanes=frozenset())
    return Comparison(observed, declared, frozenset({given.resources.subject}), take_over=given.take_over)


def _former_role(given: _Given) -> Iterator[Change]:
    """The SSH role that signed for it before, at another mount: its policy still names it."""
    role = ssh_role_in(given.marked)
    if role and role != (given.resources.mount, given.resources.role) and given.observed.roles.get(role) is not None:
        found = given.observed.roles[role] or {}
        different = (Difference("allowed_users", _shown("allowed_users", found.get("allowed_users")), None),)
        yield Change(action="delete", kind="ssh-role", name=str(role), differences=different)


def _mount_change(given: _Given) -> Change:
    name, found = given.resources.mount, given.observed.mount
    if found is None:
        return Change(action="create", kind="mount", name=name, differences=(Difference("type", None, ENGINE),))
    if found.type == ENGINE:
        return Change(action="keep", kind="mount", name=name)
    signs_for = "hosts" if given.resources.type == "host" else "users"
    fix = (EditFile(file="inventory.yaml", field=f"authorities.{signs_for}.openbao", value="MOUNT"),)
    return Change(action="foreign", kind="mount", name=name, obstacle=OtherEngine(found.type, ENGINE), remedy=fix)


def _key_change(given: _Given) -> Change:
    """The key that signs; where others are there and none is the default, a person has to say which one it is."""
    name, issuers = f"{given.resources.mount}/issuers", given.observed.issuers
    if any(each.signs for each in issuers):
        return Change(action="keep", kind="ca-key", name=name)
    if issuers:
        names = tuple(map(named, issuers))
        fix = (warden("ssh ca show"),)
        return Change(action="absent", kind="ca-key", name=name, obstacle=NoDefaultKey(names), remedy=fix)
    made = (Difference("key_type", None, "ed25519"),)
    return Change(action="create", kind="ca-key", name=name, differences=made, wanted=FIRST)


def _ssh_role_change(given: _Given) -> Change:
    resources = given.resources
    role = SshRole(resources.mount, resources.role)
    found, name = given.observed.roles.get(role), str(role)
    if found is None:
        different = tuple(Difference(key, None, _shown(key, each)) for key, each in resources.fields.items() if each)
        return Change(action="create", kind="ssh-role", name=name, differences=different, wanted=resources.fields)
    wanted = {**resources.fields, **{key: type(each)() for key, each in surplus(found, resources.fields).items()}}
    different = tuple(
        Difference(key, _shown(key, found.get(key)) or None, _shown(key, each) or None)
        for key, each in wanted.items()
        if not is_same(found.get(key), each)
    )
    if not different:
        return Change(action="keep", kind="ssh-role", name=name)
    ours = given.ours or found.get("key_id_format") == resources.fields["key_id_format"]
    return Change(
        action="change" if ours or given.take_over else "foreign",
        kind="ssh-role",
        name=name,
        differences=different,
        wanted=wanted,
        obstacle=None if ours else NotMarked(),
    )


def _shown(key: str, value: Any) -> Any:
    """A list of names as one, so that what goes and what comes can be told apart."""
    return [each for each in str(value or "").split(",") if each] if key in _LISTS else value


def _login_change(role: Role, given: _Given, logins: Comparison) -> Change:
    """No role of a lane's reader is written: whoever applied last would have it."""
    change = role_change(role.name, role, logins)
    lanes = given.declared.lanes.get(role.name, ())
    if not lanes or not change.differs:
        return change
    number = given.resources.logins.index(role)
    field = f"actors.{given.resources.subject}.identities[{number}].role"
    fix = (EditFile(file="inventory.yaml", field=field, value="NAME"),)
    return msgspec.structs.replace(change, action="foreign", obstacle=UsedByLanes(lanes), wanted=None, remedy=fix)
