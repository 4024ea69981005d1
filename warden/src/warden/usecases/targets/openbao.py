"""OpenBao as a target: mount, marks, policy and roles of a lane."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from warden.core.errors import Inconclusive, Refused
from warden.core.lanes.approval import ApproverGroup, groups_among
from warden.core.lanes.lane import KvPath, Lane, RoleName
from warden.core.openbao.api import AuditDevice, KvConfig, KvMetadata, Mount
from warden.core.openbao.catalog_index import CatalogIndex
from warden.core.openbao.closed_mark import closed_lanes
from warden.core.openbao.closing import without_unmarking
from warden.core.openbao.compared import Observed
from warden.core.openbao.comparison import (
    compare,
    names_to_observe,
)
from warden.core.openbao.identity_groups import ObservedGroup
from warden.core.openbao.marks import CAS_REQUIRED
from warden.core.openbao.observing import former_paths, undeclared_policies
from warden.core.openbao.resources import (
    PROTECTED,
    Resources,
    Settings,
    derived,
    expect_concrete,
    keeps,
    roles_marked_in,
)
from warden.core.openbao.sharing import Declared
from warden.core.plans.plan import Change, Plan, System
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.vault import Vault

_Found = TypeVar("_Found")


class SharedAnswers:
    """What is the same for every lane while nothing is changed: mounts and auth mounts are asked for once."""

    def __init__(self) -> None:
        self._mounts: dict[str, Mount | None] = {}
        self._auth: dict[str, str | None] = {}
        self._roles: dict[RoleName, bool] = {}
        self._catalog: CatalogIndex | None = None
        self._configs: dict[str, KvConfig | Unobserved] = {}
        self._devices: tuple[AuditDevice, ...] | Unobserved | None = None
        self._headers: frozenset[str] | Unobserved | None = None

    def catalog(self, lanes: Sequence[Lane]) -> CatalogIndex:
        """The lanes of the catalog, indexed once for as long as they are the same."""
        if self._catalog is None or self._catalog.lanes != tuple(lanes):
            self._catalog = CatalogIndex(lanes)
        return self._catalog

    def config(self, mount: str, vault: Vault) -> KvConfig | Unobserved:
        """The settings of a KV v2 mount, or why they cannot be seen."""
        if mount not in self._configs:
            self._configs[mount] = _seen(vault.kv_config, mount)
        return self._configs[mount]

    def devices(self, vault: Vault) -> tuple[AuditDevice, ...] | Unobserved:
        """The audit devices, or why they cannot be seen."""
        if self._devices is None:
            self._devices = _seen(vault.audit_devices)
        return self._devices

    def headers(self, vault: Vault) -> frozenset[str] | Unobserved:
        """The headers that are logged in clear, or why they cannot be seen."""
        if self._headers is None:
            self._headers = _seen(vault.audit_headers)
        return self._headers

    def mount(self, name: str, vault: Vault) -> Mount | None:
        """As the port Vault."""
        if name not in self._mounts:
            self._mounts[name] = vault.mount(name)
        return self._mounts[name]

    def auth_type(self, mount: str, vault: Vault) -> str | None:
        """As the port Vault."""
        if mount not in self._auth:
            self._auth[mount] = vault.auth_type(mount)
        return self._auth[mount]

    def has_role(self, role: RoleName, vault: Vault) -> bool:
        """Whether the server has that role."""
        if role not in self._roles:
            self._roles[role] = vault.role(role) is not None
        return self._roles[role]


def _seen(ask: Callable[..., _Found], *about: str) -> _Found | Unobserved:
    try:
        return ask(*about)
    except (Refused, Inconclusive) as fault:
        return unobserved(fault)


class OpenBaoTarget:
    """One lane's objects on OpenBao; see `Target`.

    Args:
        lane: the lane.
        vault: the server, as the caller.
        lanes: every lane of the catalog: a role has the policies of all lanes that its reader may read.
        settings: what roles need beside the lane.
        closed: lanes that the journal says are closed, each with the mark of its closing; marked ones are seen there.
        opened: compare as if this lane were not closed.
        marked: its path stays marked as closed all the same.
        take_over: treat objects of our names that are not marked as ours as ours.
        unreadable: the catalog's files with errors; see `Declared`.
        answers: kept from one lane to the next where nothing is changed in between.
    """

    def __init__(
        self,
        lane: Lane,
        vault: Vault,
        lanes: Sequence[Lane],
        *,
        settings: Settings,
        closed: Mapping[str, str] = MappingProxyType({}),
        opened: bool = False,
        marked: bool = False,
        take_over: bool = False,
        unreadable: Sequence[str] = (),
        answers: SharedAnswers | None = None,
    ) -> None:
        self.system = System(address=vault.address)
        self._lane = lane
        self._vault = vault
        self._settings = settings
        self._journaled = closed
        self._opened = frozenset({lane.id}) if opened else frozenset()
        self._marked = marked
        self._take_over = take_over
        self._unreadable = tuple(unreadable)
        self._answers = answers
        self._catalog = (answers or SharedAnswers()).catalog(lanes)
        self.metadata: KvMetadata | None = None
        """Of the lane's path, once it was compared."""
        self.custom: Mapping[str, str] = {}
        """The custom metadata of the path, and of those that were the lane's before, once it was compared."""
        self.marks: Mapping[str, str] = {}
        """What of it is declared, once it was compared."""

    def plan(self) -> Plan:
        """Compare. Raises `UsageError` where a placeholder is left in the lane's path."""
        expect_concrete(self._lane)
        nobody: frozenset[str] = frozenset()
        resources = derived(self._lane, self._catalog.roles(nobody), nobody)
        observed = observe(resources, self._catalog, self._vault, self._answers or SharedAnswers())
        self.metadata = observed.metadata
        self.custom = observed.custom[self._lane.id]
        closed = closed_lanes(self._journaled, observed.custom) - self._opened
        resources = derived(self._lane, self._catalog.roles(closed), closed, self._journaled.get(self._lane.id, ""))
        self.marks = resources.marks
        declared = Declared(
            roles=self._catalog.roles(closed),
            settings=self._settings,
            lanes=self._catalog.ids,
            unreadable=self._unreadable,
            groups=self._catalog.groups,
            protected=self._protected_policies(observed, closed),
        )
        plan = compare(resources, observed, declared, system=self.system, take_over=self._take_over)
        return without_unmarking(plan) if self._marked else plan

    def _protected_policies(self, observed: Observed, closed: frozenset[str]) -> frozenset[str]:
        """Of other lanes that are protected, by their files or by the marks of their paths, and open."""
        marked = {lane for lane, custom in observed.custom.items() if PROTECTED in custom}
        others = (marked | self._catalog.protected) - closed - {self._lane.id}
        return frozenset(policy for lane in others for policy in self._catalog.policies_of[lane])

    def make(self, change: Change) -> None:
        """One write to the server."""
        if change.kind == "mount":
            self._vault.create_kv(change.name)
        elif change.kind == "metadata":
            custody = self._lane.custody
            guarded = any(each.field == CAS_REQUIRED for each in change.differences)
            self._vault.mark(custody.mount, custody.key, change.wanted, require_cas=guarded)
        elif change.kind == "policy" and change.action == "delete":
            self._vault.delete_policy(change.name)
        elif change.kind == "policy":
            self._vault.write_policy(change.name, change.wanted)
        elif change.kind == "group" and change.action == "delete":
            self._vault.groups().delete(change.wanted.name)
        elif change.kind == "group":
            self._vault.groups().write(change.wanted)
        elif change.role is not None and change.action == "delete":
            self._vault.delete_role(change.role)
        elif change.role is not None:
            self._vault.write_role(change.role, change.wanted)

    def acting_as(self) -> Mapping[str, str]:
        """The caller as OpenBao knows it."""
        return self._vault.identity().as_json()


def observe(resources: Resources, catalog: CatalogIndex, vault: Vault, answers: SharedAnswers) -> Observed:
    """Ask the server for every object the plan compares."""
    custody = resources.lane.custody
    metadata = vault.kv_metadata(custody.mount, custody.key)
    names, wanted = names_to_observe(resources, metadata)
    roles = _roles(names, vault, answers)
    own = resources.policies.keys()
    written = {name: vault.acl_policy(name) for name in sorted(wanted & own)}
    written |= {name: _unless_refused(vault.acl_policy, name) for name in sorted(wanted - own)}
    policies = {name: found.text if found else None for name, found in written.items()}
    undeclared = undeclared_policies(roles, catalog.policies)
    policies |= {name: _unless_refused(vault.policy, name) for name in undeclared if name not in wanted}
    former = _former(resources, policies, vault)
    for each in former.values():
        names, wanted = names_to_observe(resources, each)
        roles |= _roles(names - roles.keys(), vault, answers)
        policies |= {name: vault.policy(name) for name in sorted(wanted - policies.keys())}
    others = _other_lanes(resources, frozenset(roles), catalog, vault)
    before = (metadata, *former.values())
    custom = {resources.lane.id: {key: text for each in before if each for key, text in each.custom.items()}}
    return Observed(
        mount=answers.mount(custody.mount, vault),
        metadata=metadata,
        policies=policies,
        auth={mount: answers.auth_type(mount, vault) for mount in sorted({role.mount for role in roles})},
        roles=roles,
        claimed=frozenset[RoleName]().union(*map(_claims, (*before, *others.values()))),
        former=former,
        custom=custom | {lane: each.custom for lane, each in others.items()},
        expiring={name: found.expires for name, found in written.items() if found and found.expires},
        groups=_groups(resources, custom[resources.lane.id], vault),
    )


def _groups(resources: Resources, custom: Mapping[str, str], vault: Vault) -> dict[str, ObservedGroup]:
    """The identity groups that the lane names, or its marks; nothing is asked for a lane without approvals."""
    found = {each.name: vault.groups().observe(each) for each in resources.groups}
    for name in groups_among(tuple(custom)) - found.keys():
        seen = _unless_refused(vault.groups().observe, ApproverGroup(name, ""))
        found |= {name: seen} if seen else {}
    return found


def _roles(names: Iterable[RoleName], vault: Vault, answers: SharedAnswers) -> dict[RoleName, dict[str, Any] | None]:
    return {
        name: vault.role(name) if keeps(answers.auth_type(name.mount, vault), name) else None for name in sorted(names)
    }


def _former(resources: Resources, policies: Mapping[str, str | None], vault: Vault) -> dict[KvPath, KvMetadata]:
    """The paths that were the lane's before its file named another; their marks say which roles it had there."""
    found = {}
    for path in former_paths(resources, policies):
        metadata = _unless_refused(vault.kv_metadata, path.mount, path.key)
        if metadata is not None and metadata.custom.get("catalog-id") == resources.lane.id:
            found[path] = metadata
    return found


def _unless_refused(look: Callable[..., _Found | None], *what: object) -> _Found | None:
    """Earlier objects that the caller may not see are not theirs to change either; they keep nobody from closing."""
    try:
        return look(*what)
    except Refused:
        return None


def _claims(metadata: KvMetadata | None) -> frozenset[RoleName]:
    return roles_marked_in(metadata.custom) if metadata else frozenset()


def _other_lanes(
    resources: Resources, roles: frozenset[RoleName], catalog: CatalogIndex, vault: Vault
) -> dict[str, KvMetadata]:
    """The metadata of the other lanes of the same readers: what they claim is ours as well, and they may be closed."""
    found: dict[str, KvMetadata] = {}
    for lane in catalog.sharing(roles):
        if lane.id != resources.lane.id:
            metadata = vault.kv_metadata(lane.custody.mount, lane.custody.key)
            found |= {lane.id: metadata} if metadata else {}
    return found
