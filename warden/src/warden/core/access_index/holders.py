"""Who holds which policies: each way to log in, with what the identities behind it add, and each live token.

OpenBao gives a token the policies of its login, those of the entity, and those of every group that the entity is in
(``internal/vault/request_handling.go``, `fetchEntityAndDerivedPolicies`). Which entity a login leads to is known where
its alias' name is (a user), and otherwise can be each that has an alias at the mount.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from warden.core.access_index.policies import AliasFacts, GroupFacts, TemplateFacts
from warden.core.access_index.relevance import PolicyKey
from warden.core.access_index.snapshot import Alias, Entity, Group, LiveToken, LoginRole, Snapshot
from warden.core.access_index.ways import Identity, Rule
from warden.core.openbao.api import role_in

Held = frozenset[PolicyKey]


class Part(msgspec.Struct, frozen=True):
    """Where some of the policies come from."""

    identity: Identity
    policies: Held


class Login(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A way to log in, with what it gives by itself. ``entities`` are the ids that it surely or perhaps leads to.

    ``shut``: OpenBao refuses it, since its entity is disabled.
    """

    role: LoginRole
    part: Part
    entities: tuple[str, ...] = ()
    always: bool = False
    shut: bool = False

    @property
    def cidr(self) -> bool:
        """Whether its tokens can be used from some networks only."""
        return bool(self.role.fields.get("token_bound_cidrs"))


class Added(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What an entity, or an external group that anybody may turn out to be in, adds to a login."""

    entity: Entity | None
    parts: tuple[Part, ...]
    policies: Held
    facts: TemplateFacts | None


class Holders:
    """Everybody of a snapshot who can have a token.

    Attributes:
        snapshot: what was read.
        logins: every way to log in.
        added: what an entity (by id) or an external group (by ``group:ID``) adds.
        roles: every role that one can log in by, by `LoginRole.key`.
        tokens: live tokens that have more than their login gives today, each with its parts.
    """

    def __init__(self, snapshot: Snapshot, owner: Mapping[str, str] | None = None) -> None:
        self.snapshot = snapshot
        self._owners = owner or {}
        self._members = _memberships(snapshot)
        self.entities = {each.id: each for one in snapshot.namespaces.values() for each in one.entities.values()}
        self.groups = {each.id: each for one in snapshot.namespaces.values() for each in one.groups.values()}
        self._parents: dict[str, list[str]] = defaultdict(list)
        for group in self.groups.values():
            for each in group.groups:
                self._parents[each].append(group.id)
        self.accessors = {
            (each.namespace, each.path): each.accessor
            for one in snapshot.namespaces.values()
            for each in one.auth_mounts
        }
        disabled = [each for each in self.entities.values() if each.disabled]
        self._disabled = {each.id for each in disabled}
        self._shut = {(alias.mount_accessor, alias.name.lower()) for each in disabled for alias in each.aliases}
        self.added = dict(self._all_added())
        at_mount = _at_mounts(self.added, self.groups)
        self.logins = [
            self._login(role, at_mount)
            for one in snapshot.namespaces.values()
            for role in one.roles
            if role.kind != "token-role"
        ]
        self.roles = {login.role.key: login.role for login in self.logins}
        explained = _Explained(self)
        self.tokens = [
            (token, self._token_parts(token, beyond))
            for one in snapshot.namespaces.values()
            for token in one.tokens
            if token.accessor != snapshot.caller
            and token.entity not in self._disabled
            and (beyond := explained.beyond(token))
        ]

    def owner(self, identity_name: str, policies: Iterable[PolicyKey] = (), stated: str = "") -> str:
        """Who owns an identity: what it says itself, who declared it, or the owner of the lane that it may read."""
        if stated or identity_name in self._owners:
            return stated or self._owners[identity_name]
        lanes = (self.snapshot.lane_of_policy.get(key, "") for key in sorted(policies))
        return next((self._owners[f"lane:{lane}"] for lane in lanes if f"lane:{lane}" in self._owners), "")

    # -- identities and groups ----------------------------------------------------------------------------------

    def _all_added(self) -> Iterator[tuple[str, Added]]:
        for entity in self.entities.values():
            if not entity.disabled:
                yield entity.id, self._of_entity(entity)
        for group in self.groups.values():
            if group.external and group.alias is not None:
                parts = tuple(self._group_parts(group.id))
                yield f"group:{group.id}", Added(entity=None, parts=parts, policies=_union(parts), facts=None)

    def _of_entity(self, entity: Entity) -> Added:
        name = f"identity/entity/name/{entity.name}"
        own = frozenset((entity.namespace, each) for each in entity.policies)
        identity = Identity(
            namespace=entity.namespace,
            kind="entity",
            name=name,
            label=entity.id,
            owner=self.owner(name, own, entity.metadata.get("owner", "")),
        )
        groups = [part for group in self._members.get(entity.id, ()) for part in self._group_parts(group)]
        parts = (Part(identity, own), *dict.fromkeys(groups))
        return Added(entity=entity, parts=parts, policies=_union(parts), facts=self._facts(entity))

    def _group_parts(self, group_id: str) -> Iterator[Part]:
        """The group and those that it is a member of, which its members inherit."""
        for each in sorted(self._with_parents(group_id)):
            group = self.groups[each]
            name = f"identity/group/name/{group.name}"
            held = frozenset((group.namespace, policy) for policy in group.policies)
            owner = self.owner(name, held, group.metadata.get("owner", ""))
            yield Part(Identity(group.namespace, "group", name, "", group.id, owner), held)

    def _with_parents(self, group_id: str) -> set[str]:
        found, new = {group_id}, [group_id]
        while new:
            parents = set(self._parents.get(new.pop(), ())) - found
            found |= parents
            new += parents
        return found & self.groups.keys()

    def _facts(self, entity: Entity) -> TemplateFacts:
        member_of = {one for each in self._members.get(entity.id, ()) for one in self._with_parents(each)}
        return TemplateFacts(
            id=entity.id,
            name=entity.name,
            metadata=entity.metadata,
            aliases={each.mount_accessor: _alias_facts(each) for each in entity.aliases},
            groups=tuple(
                GroupFacts(id=each.id, name=each.name, namespace=each.namespace, metadata=each.metadata)
                for each in (self.groups[one] for one in sorted(member_of))
            ),
        )

    # -- logins -------------------------------------------------------------------------------------------------

    def _login(self, role: LoginRole, at_mount: Mapping[str, Sequence[tuple[str, str, Alias]]]) -> Login:
        default = () if role.no_default else ("default",)
        held = frozenset((role.namespace, each) for each in (*role.policies, *default))
        marked = (key for key in held if key[1] != "default")
        identity = Identity(
            role.namespace, "login", role.path, mount=f"auth/{role.mount}", owner=self.owner(role.path, marked)
        )
        here = at_mount.get(self.accessors.get((role.namespace, role.mount), "-"), ())
        certain = _alias_name(role)
        found = tuple(
            key for key, name, alias in here if _may_be(role, certain, alias, name, is_group=key.startswith("group:"))
        )
        users = [each for each in found if not each.startswith("group:")]
        return Login(
            role=role,
            part=Part(identity, held),
            entities=found,
            always=certain is not None and len(users) == 1,
            shut=self._is_shut(role),
        )

    def _is_shut(self, role: LoginRole) -> bool:
        """Whether all that can log in by it is an entity that is disabled: OpenBao refuses that (2.7.2, measured)."""
        name = _alias_name(role) if role.mount_type in _NAMED_BY_ROLE else None
        accessor = self.accessors.get((role.namespace, role.mount), "")
        return name is not None and (accessor, name.lower()) in self._shut

    # -- tokens -------------------------------------------------------------------------------------------------

    def _token_parts(self, token: LiveToken, held: Held) -> tuple[Part, ...]:
        name = f"auth/token/accessors/{token.accessor}"
        identity = Identity(token.namespace, "token", name, label=token.display_name, owner=self.owner(name, held))
        added = self.added.get(token.entity)
        return (Part(identity, held), *(added.parts if added else ()))


class _Explained:
    """What tokens have that their login would give again as it is today: the login itself is listed with it."""

    def __init__(self, holders: Holders) -> None:
        self._holders = holders
        self._at: dict[tuple[str, str], dict[str, Login]] = defaultdict(dict)
        for login in holders.logins:
            self._at[login.role.namespace, f"auth/{login.role.mount}"][login.role.name] = login

    def beyond(self, token: LiveToken) -> Held:
        """What it has besides; of any login at its mount, where it does not say by which one it was given."""
        mount, _, user = token.path.partition("/login")
        mount = mount if mount != token.path else token.path.partition("/oidc/")[0]
        here = self._at.get((token.namespace, mount), {})
        named = user.strip("/") or role_in(token.meta)
        held = frozenset((token.namespace, each) for each in token.policies)
        given = (each for name, each in here.items() if name == named or not named)
        return min((held, *(held - each.part.policies for each in given if self._again(token, each.role))), key=len)

    def _again(self, token: LiveToken, role: LoginRole) -> bool:
        """Whether whom the token is of could log in by the role as it is today; so, too, where that is not known."""
        if role.kind != "role":  # what a user or an AppRole is called at its mount may have changed since
            return True
        entity = self._holders.entities.get(token.entity)
        accessor = self._holders.accessors.get((role.namespace, role.mount), "")
        aliases = [each for each in entity.aliases if each.mount_accessor == accessor] if entity else []
        certain = _alias_name(role)
        return not aliases or any(_may_be(role, certain, each, each.name, is_group=False) for each in aliases)


_NAMED_BY_ROLE = {"userpass", "approle", "jwt", "oidc"}
"""Types whose aliases have exactly the name that the role says; a directory may name its people otherwise."""


def _memberships(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """Entity -> the groups that it is a direct member of."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in snapshot.namespaces.values():
        for group in one.groups.values():
            for member in group.entities:
                found[member].append(group.id)
    return {entity: tuple(sorted(groups)) for entity, groups in found.items()}


def _at_mounts(added: Mapping[str, Added], groups: Mapping[str, Group]) -> dict[str, list[tuple[str, str, Alias]]]:
    """Accessor of a mount -> (key in `added`, name there, alias) of the entities and external groups of its logins."""
    found: dict[str, list[tuple[str, str, Alias]]] = defaultdict(list)
    for key, each in added.items():
        for alias in each.entity.aliases if each.entity else ():
            found[alias.mount_accessor].append((key, alias.name, alias))
    for group in groups.values():
        if group.external and group.alias is not None:
            found[group.alias.mount_accessor].append((f"group:{group.id}", group.alias.name, group.alias))
    return found


def _alias_name(role: LoginRole) -> str | None:
    """The name that a login by this role has for its entity; none where there can be many."""
    if role.kind == "user":
        return role.name
    if role.kind == "approle":
        return str(role.fields["role_id"]) if role.fields.get("role_id") else None
    if role.kind == "role" and role.fields.get("user_claim") == "sub" and role.fields.get("bound_subject"):
        return str(role.fields["bound_subject"])
    return None


def _may_be(role: LoginRole, certain: str | None, alias: Alias, name: str, *, is_group: bool) -> bool:
    if is_group:
        return _brings_groups(role)
    if certain is not None:
        return certain.lower() == name.lower()
    if role.mount_type == "kubernetes":
        return _is_bound(role, alias)
    return True


def _brings_groups(role: LoginRole) -> bool:
    """Whether a login by it says of which groups of its directory somebody is."""
    if role.mount_type in {"jwt", "oidc"}:
        return bool(role.fields.get("groups_claim"))
    return role.mount_type in {"ldap", "kerberos"}


def _is_bound(role: LoginRole, alias: Alias) -> bool:
    """Whether the account that the alias is of may log in by a Kubernetes role; true where the alias does not say."""
    namespace = alias.metadata.get("service_account_namespace")
    account = alias.metadata.get("service_account_name")
    if not namespace or not account:
        return True
    names = role.fields.get("bound_service_account_names") or ()
    spaces = role.fields.get("bound_service_account_namespaces") or ()
    return _matches(names, account) and (
        bool(role.fields.get("bound_service_account_namespace_selector")) or _matches(spaces, namespace)
    )


def _matches(patterns: Iterable[object], text: str) -> bool:
    return any(each == text or ("*" in str(each) and _globbed(str(each), text)) for each in patterns)


def _globbed(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _alias_facts(alias: Alias) -> AliasFacts:
    return AliasFacts(id=alias.id, name=alias.name, metadata=alias.metadata, custom_metadata=alias.custom_metadata)


def _union(parts: Iterable[Part]) -> Held:
    return frozenset().union(*(part.policies for part in parts))


def granted_to(holders: Holders, snapshot: Snapshot, names: Iterable[str]) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    """Every rule that these identities hold by their own policies, with its capabilities."""
    wanted = frozenset(names)
    parts = [each.part for each in holders.logins]
    parts += [part for each in holders.added.values() for part in each.parts]
    parts += [part for _, of_token in holders.tokens for part in of_token[:1]]
    held = frozenset().union(*(part.policies for part in parts if part.identity.name in wanted))
    for namespace, name in sorted(held):
        policy = snapshot.namespaces[namespace].policies.get(name)
        for rule in policy.rules if policy and name != "default" else ():
            yield Rule(name, rule.path, namespace), tuple(sorted(rule.capabilities))
