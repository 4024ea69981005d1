"""`AccessIndex` by example: what counts as a way in, one rule each, on a snapshot that is written by hand.

That real servers are read so, and answer so, is tested in tests/usecases/test_ways_in.py.
"""

import datetime as dt
from typing import Any

import pytest

from warden.core.access_index.index import AccessIndex
from warden.core.access_index.policies import PathRule, Policy
from warden.core.access_index.snapshot import (
    Alias,
    AuthMount,
    Entity,
    Group,
    LiveToken,
    LoginRole,
    NamespaceSnapshot,
    SecretMount,
    Snapshot,
)
from warden.core.access_index.ways import WayIn
from warden.core.remedies import RunBao

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
DATA = "kv/data/mail"
MOUNTS = {"userpass": "userpass", "kubernetes": "kubernetes", "jwt": "jwt", "approle": "approle", "token": "token"}
"""Auth mounts, each with its type; the accessor is ``at-`` and the path."""


def rule(path: str, held: str = "read", **fields: Any) -> PathRule:
    return PathRule(path=path, capabilities=frozenset(held.split()), **fields)


class Bao:
    """An OpenBao with a policy ``lane`` that reads the path, to which a test adds."""

    def __init__(self) -> None:
        self.policies = {"root": (), "default": (), "lane": (rule(DATA),)}
        self.roles: list[LoginRole] = []
        self.entities: list[Entity] = []
        self.groups: list[Group] = []
        self.tokens: list[LiveToken] = []
        self.caller = ""

    def policy(self, name: str, *rules: PathRule) -> str:
        self.policies[name] = rules
        return name

    def _login(self, mount: str, folder: str, kind: Any, name: str, policies: tuple[str, ...], **fields: Any) -> str:
        path = f"auth/{mount}/{folder}/{name}"
        no_default = fields.pop("no_default", False)
        self.roles.append(
            LoginRole(
                namespace="",
                mount=mount,
                mount_type=MOUNTS[mount],
                kind=kind,
                name=name,
                path=path,
                policies=policies,
                no_default=no_default,
                fields=fields,
            )
        )
        return path

    def user(self, name: str, *policies: str, **fields: Any) -> str:
        return self._login("userpass", "users", "user", name, policies, **fields)

    def role(self, name: str, *policies: str, mount: str = "kubernetes", **fields: Any) -> str:
        return self._login(mount, "role", "role", name, policies, **fields)

    def token_role(self, name: str, **fields: Any) -> str:
        return self._login("token", "roles", "token-role", name, (), **fields)

    def entity(self, name: str, *policies: str, mount: str = "userpass", **fields: Any) -> str:
        alias = Alias(
            id=f"alias-{name}", name=name, mount_accessor=f"at-{mount}", metadata=fields.pop("alias_metadata", {})
        )
        self.entities.append(
            Entity(namespace="", id=f"id-{name}", name=name, policies=policies, aliases=(alias,), **fields)
        )
        return f"id-{name}"

    def group(self, name: str, *policies: str, **fields: Any) -> str:
        self.groups.append(Group(namespace="", id=f"group-{name}", name=name, policies=policies, **fields))
        return f"group-{name}"

    def token(self, accessor: str, *policies: str, **fields: Any) -> str:
        self.tokens.append(LiveToken(namespace="", accessor=accessor, policies=policies, **fields))
        return f"auth/token/accessors/{accessor}"

    def index(self, owners: dict[str, str] | None = None) -> AccessIndex:
        one = NamespaceSnapshot(
            path="",
            policies={name: Policy(name=name, rules=rules) for name, rules in self.policies.items()},
            secret_mounts=(SecretMount(namespace="", path="kv", type="kv", version=2),),
            auth_mounts=tuple(
                AuthMount(namespace="", path=path, type=kind, accessor=f"at-{path}") for path, kind in MOUNTS.items()
            ),
            roles=tuple(self.roles),
            entities={each.id: each for each in self.entities},
            groups={each.id: each for each in self.groups},
            tokens=tuple(self.tokens),
        )
        snapshot = Snapshot(taken_at=NOW, namespaces={"": one}, caller=self.caller)
        return AccessIndex(snapshot, owners=owners)

    def ways(self, path: str = "kv/mail", owners: dict[str, str] | None = None) -> tuple[WayIn, ...]:
        return self.index(owners).who_can(path).ways

    def who(self, effect: str, path: str = "kv/mail") -> set[str]:
        return {way.identity.name for way in self.ways(path) if way.effect == effect}


@pytest.fixture
def bao() -> Bao:
    return Bao()


# -- who has a token --------------------------------------------------------------------------------------------------


def test_a_login_reads_by_default_only_where_it_gives_default(bao: Bao) -> None:
    bao.policy("default", rule(DATA))
    usual = bao.user("usual")
    bao.user("without", no_default=True)
    assert bao.who("reads") == {usual}


def test_the_networks_of_a_role_are_a_condition(bao: Bao) -> None:
    bao.user("somebody", "lane", token_bound_cidrs=["10.0.0.0/8"])
    assert [way.conditions for way in bao.ways()] == [("cidr",)]


def test_members_inherit_from_every_group_above(bao: Bao) -> None:
    bao.user("alice")
    inner = bao.group("inner", entities=(bao.entity("alice"),))
    middle = bao.group("middle", groups=(inner,))
    bao.group("outer", "lane", groups=(middle,))
    assert bao.who("reads") == {"identity/group/name/outer"}


def test_an_external_group_is_of_those_whose_login_brings_groups(bao: Bao) -> None:
    alias = Alias(id="a", name="operators", mount_accessor="at-jwt")
    bao.group("outside", "lane", external=True, alias=alias)
    bao.role("without", mount="jwt", user_claim="sub")
    assert bao.who("reads") == set()
    bao.role("with", mount="jwt", user_claim="sub", bound_subject="alice", groups_claim="groups")
    bao.entity("alice", mount="jwt")
    assert bao.who("reads") == {"identity/group/name/outside"}


@pytest.mark.parametrize(("namespace", "found"), [("tenant", {"identity/entity/name/app"}), ("another", set())])
def test_an_entity_of_an_account_that_the_role_is_not_bound_to_is_no_way(
    bao: Bao, namespace: str, found: set[str]
) -> None:
    bao.role("r", bound_service_account_names=["app"], bound_service_account_namespaces=["tenant"])
    account = {"service_account_namespace": namespace, "service_account_name": "app"}
    bao.entity("app", "lane", mount="kubernetes", alias_metadata=account)
    assert bao.who("reads") == found


def test_a_disabled_entity_adds_nothing(bao: Bao) -> None:
    bao.role("r")
    bao.entity("app", "lane", mount="kubernetes", disabled=True)
    bao.token("t", "lane", entity="id-app")
    assert bao.who("reads") == set()


def test_a_template_is_filled_in_for_each_entity_by_itself(bao: Bao) -> None:
    bao.policy("named", rule("kv/data/{{identity.entity.name}}"))
    bao.role("r")
    bao.entity("mail", "named", mount="kubernetes")
    bao.entity("other", "named", mount="kubernetes")
    assert bao.who("reads") == {"identity/entity/name/mail"}


def test_no_template_is_filled_in_for_a_token_without_an_entity(bao: Bao) -> None:
    bao.policy("named", rule("kv/data/{{identity.entity.name}}"))
    bao.token("t", "named")
    assert bao.ways() == ()


def test_a_token_that_its_login_would_give_again_is_listed_as_the_login(bao: Bao) -> None:
    alice = bao.user("alice", "lane")
    bao.token("again", "lane", path="auth/userpass/login/alice")
    bao.policy("older", rule(DATA))
    older = bao.token("older", "older", path="auth/userpass/login/alice")
    assert bao.who("reads") == {alice, older}


def test_the_token_that_looks_is_not_a_way_in(bao: Bao) -> None:
    mine, other = bao.token("mine", "lane"), bao.token("other", "lane")
    bao.caller = "mine"
    assert bao.who("reads") == {other}
    assert mine != other


def test_an_owner_is_what_the_identity_says_itself_or_who_declared_it(bao: Bao) -> None:
    declared = bao.user("declared", "lane")
    bao.user("member")
    bao.entity("member", "lane", metadata={"owner": "its-team"})
    owners = {way.identity.name: way.identity.owner for way in bao.ways(owners={declared: "a-team"})}
    assert owners == {declared: "a-team", "identity/entity/name/member": "its-team"}


# -- who could give themselves access ---------------------------------------------------------------------------------


def test_to_become_somebody_with_the_same_policies_gains_nothing(bao: Bao) -> None:
    bao.user("twin", "lane")
    bao.policy("resets", rule("auth/userpass/users/twin/password", "update"))
    bao.user("has-it", "lane", "resets")
    lacks = bao.user("lacks-it", "resets")
    assert bao.who("grants") == {lacks}


def test_what_takes_a_power_away_is_said_for_each_path(bao: Bao) -> None:
    """Of two powers, one leads to one path, and the other to another; each is asked about on the same index."""
    bao.policy("another", rule("kv/data/another"))
    for name, gained in (("mail", "lane"), ("another", "another")):
        bao.user(f"reads-{name}", gained)
        bao.policy(f"resets-{name}", rule(f"auth/userpass/users/reads-{name}/password", "update"))
    somebody = bao.user("somebody", "resets-mail", "resets-another")
    index = bao.index()
    for name, kept in (("mail", "resets-another"), ("another", "resets-mail")):
        (way,) = [each for each in index.who_can(f"kv/{name}").ways if each.effect == "grants"]
        assert way.remedy == (RunBao(action="write", path=somebody, settings=(("token_policies", kept),)),)


@pytest.mark.parametrize("first", ["mail", "another"])
def test_a_power_that_leads_to_one_path_only_is_not_taken_for_another(bao: Bao, first: str) -> None:
    bao.policy("another", rule("kv/data/another"))
    bao.user("reads", "lane")
    bao.policy("writes-all", rule("sys/policies/acl/*", "update"))
    bao.policy("resets", rule("auth/userpass/users/reads/password", "update"))
    somebody = bao.user("somebody", "writes-all", "resets")
    index = bao.index()
    index.who_can(f"kv/{first}")
    kept = {"kv/mail": "", "kv/another": "resets"}
    for path, left in kept.items():
        (way,) = [each for each in index.who_can(path).ways if each.effect == "grants"]
        assert way.remedy == (RunBao(action="write", path=somebody, settings=(("token_policies", left),)),)


def test_the_policy_root_cannot_be_written(bao: Bao) -> None:
    bao.token("root", "root")
    bao.policy("writes-root", rule("sys/policies/acl/root", "update"))
    bao.user("somebody", "writes-root")
    assert bao.who("grants") <= {"auth/token/accessors/root"}


@pytest.mark.parametrize(
    ("fields", "does"),
    [
        ({"allowed_policies": ["lane"]}, True),
        ({"allowed_policies_glob": ["la*"]}, True),
        ({"disallowed_policies": ["another"]}, True),
        ({"allowed_policies": ["another"]}, False),
        ({"disallowed_policies": ["lane"]}, False),
        ({"disallowed_policies_glob": ["la*"]}, False),
        ({"allowed_policies_glob": ["*"], "disallowed_policies": ["lane"]}, False),
    ],
)
def test_a_token_role_gives_what_it_allows_and_does_not_disallow(bao: Bao, fields: dict[str, Any], does: bool) -> None:
    bao.policy("another", rule("kv/data/another"))
    bao.token_role("gives", **fields)
    bao.policy("uses", rule("auth/token/create/gives", "update sudo"))
    somebody = bao.user("somebody", "uses")
    assert bao.who("grants") == ({somebody} if does else set())


def test_with_any_policy_one_has_those_that_lead_further(bao: Bao) -> None:
    """Nothing that is there reads this path; but a policy that is there writes every policy."""
    bao.policy("writes-policies", rule("sys/policies/acl/*", "update"))
    bao.policy("makes-tokens", rule("auth/token/create", "update sudo"))
    somebody = bao.user("somebody", "makes-tokens")
    (way,) = [each for each in bao.ways("kv/unread") if each.effect == "grants"]
    assert way.identity.name == somebody
    assert [step.does for step in way.via] == ["creates-token", "writes-policy"]


@pytest.mark.parametrize(
    "rules",
    [
        (rule("sys/policies/acl/lane", "update", controlled=frozenset({"update"})), rule("sys/policy/lane", "update")),
        (rule("sys/policies/acl/lane", "patch update", controlled=frozenset({"patch"})),),
        (rule("sys/raw/*", "read sudo"), rule("sys/policies/acl/writes", "update")),
    ],
    ids=["another path", "another capability", "a shorter way"],
)
def test_a_gain_is_conditional_only_where_each_way_to_it_is(bao: Bao, rules: tuple[PathRule, ...]) -> None:
    bao.user("reader", "lane")
    bao.user("somebody", bao.policy("writes", *rules))
    assert [way.conditions for way in bao.ways() if way.effect == "grants"] == [()]


def test_something_new_can_have_a_name_that_a_segment_for_its_folder_leaves(bao: Bao) -> None:
    bao.policy("new", rule("auth/kubernetes/+/backdoor", "create"))
    somebody = bao.user("somebody", "new")
    assert bao.who("grants") == {somebody}
