"""`Acl` by example, one rule each; that they are OpenBao's rules is tested in tests/adapters/openbao."""

import datetime as dt
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.core.access_index.acl import Acl, Condition
from warden.core.access_index.policies import (
    ANYBODY,
    DENY,
    NO_ENTITY,
    AliasFacts,
    GroupFacts,
    PathRule,
    Policy,
    TemplateFacts,
    rendered,
)
from warden.core.access_index.relevance import Relevance
from warden.core.access_index.ways import Identity
from warden.core.lanes.administrators import Administrator, administrators, is_administrator

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)


def rule(path: str, held: str = "read", **fields: Any) -> PathRule:
    return PathRule(path=path, capabilities=frozenset(held.split()), **fields)


def acl(*rules: PathRule, **fields: Any) -> Acl:
    return Acl([Policy(name="p", rules=rules, **fields)], NOW)


@pytest.mark.parametrize(
    ("paths", "asked", "wins"),
    [
        (["a/b", "a/*", "a/+"], "a/b", "a/b"),
        (["a/*", "a/b*"], "a/bc", "a/b*"),
        (["a/*", "a/+"], "a/b", "a/+"),
        (["+/b", "a/*"], "a/b", "a/*"),
        (["a/+/c", "a/+/*"], "a/b/c", "a/+/c"),
        (["a/+/+", "a/+/c"], "a/b/c", "a/+/c"),
        (["a/+/b*", "a/+/*"], "a/x/bb", "a/+/b*"),
        (["*", "+/b"], "a/b", "+/b"),
        (["/a/b", "*"], "a/b", "/a/b"),
    ],
)
def test_the_most_specific_stanza_wins(paths: list[str], asked: str, wins: str) -> None:
    for order in (paths, paths[::-1]):
        assert acl(*map(rule, order)).decide(asked, "read").rules == (("p", wins),)


def test_a_list_falls_back_to_the_path_without_its_slash() -> None:
    decider = acl(rule("a/b", "list"), rule("c/*", "list"))
    assert decider.decide("a/b", "list").allowed == "yes"
    assert decider.decide("c", "list").allowed == "yes"
    assert acl(rule("a", "read")).decide("a/", "read").allowed == "no"


def test_the_same_path_of_several_policies_adds_up_and_a_denial_wins() -> None:
    one, two = Policy(name="one", rules=(rule("a", "read"),)), Policy(name="two", rules=(rule("a", "update"),))
    both = Acl([one, two], NOW)
    assert (both.decide("a", "read").rules, both.decide("a", "update").rules) == ((("one", "a"),), (("two", "a"),))
    denied = Acl([one, two, Policy(name="x", rules=(PathRule(path="a", capabilities=DENY),))], NOW)
    assert denied.decide("a", "read").allowed == "no"
    assert denied.decide("a", "read").rules == (("x", "a"),)


def test_what_has_expired_does_not_count() -> None:
    past = NOW - dt.timedelta(seconds=1)
    assert acl(rule("a", expires=past)).decide("a", "read").allowed == "no"
    assert acl(rule("a"), expires=past).decide("a", "read").allowed == "no"
    assert acl(rule("a", expires=NOW)).decide("a", "read").allowed == "yes"


@pytest.mark.parametrize(
    ("fields", "conditions"),
    [
        ({"controlled": frozenset({"read"})}, ("control-group",)),
        ({"min_wrapping_ttl": 60}, ("wrapped",)),
        ({"required_parameters": ("X",)}, ("required-parameters",)),
        ({"allowed_parameters": {"x": ()}}, ()),
        ({"pagination_limit": 3}, ()),
    ],
)
def test_restrictions_of_a_read(fields: dict[str, Any], conditions: tuple[Condition, ...]) -> None:
    decision = acl(rule("a", **fields)).decide("a", "read")
    assert (decision.allowed, decision.conditions) == ("conditional" if conditions else "yes", conditions)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_wrapping_ttl": 60, "max_wrapping_ttl": 30},
        {"required_parameters": ("x",), "denied_parameters": {"*": ()}},
        {"required_parameters": ("x",), "denied_parameters": {"x": ()}},
        {"required_parameters": ("x",), "allowed_parameters": {"y": ()}},
        {
            "required_parameters": ("x",),
            "allowed_parameters": {"x": ("one",)},
            "denied_parameters": {"x": ("o*",)},
        },
    ],
)
def test_restrictions_that_no_request_can_meet(fields: dict[str, Any]) -> None:
    assert acl(rule("a", **fields)).decide("a", "read").allowed == "no"


def test_restrictions_of_a_write_depend_on_what_is_written() -> None:
    decision = acl(rule("a", "update", allowed_parameters={"x": ()}, denied_parameters={"y": ()})).decide("a", "update")
    assert decision.conditions == ("allowed-parameters", "denied-parameters")
    assert acl(rule("a", "update", allowed_parameters={"*": ()})).decide("a", "update").allowed == "yes"
    assert acl(rule("a", "delete", allowed_parameters={"x": ()})).decide("a", "delete").allowed == "yes"


def test_a_control_group_of_another_namespaces_policy_depends_on_their_order_and_does_not_hold() -> None:
    here = Policy(name="p", rules=(rule("team/a", controlled=frozenset({"read"})),))
    there = Policy(name="p", namespace="team", rules=(rule("a"),))
    assert Acl([here], NOW).decide("team/a", "read").allowed == "conditional"
    assert Acl([here, there], NOW).decide("team/a", "read").allowed == "yes"


def test_root_may_do_everything_in_its_namespace() -> None:
    root = Acl([Policy(name="root", namespace="team")], NOW)
    assert (root.decide("team/a", "sudo").allowed, root.decide("other/a", "read").allowed) == ("yes", "no")


FACTS = TemplateFacts(
    id="e1",
    name="jo",
    metadata={"team": "x", "bad": "a/b", "none": ""},
    aliases={"acc": AliasFacts(id="a1", name="jo@x", metadata={"m": "1"}, custom_metadata={"c": "2"})},
    groups=(
        GroupFacts(id="g1", name="ops", metadata={"m": "3"}),
        GroupFacts(id="g2", name="dev", namespace="team"),
    ),
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("identity.entity.id", "e1"),
        ("identity.entity.name", "jo"),
        ("identity.entity.metadata.team", "x"),
        ("identity.entity.metadata.none", ""),
        ("identity.entity.metadata.other", None),
        ("identity.entity.aliases.acc.name", "jo@x"),
        ("identity.entity.aliases.acc.metadata.m", "1"),
        ("identity.entity.aliases.acc.custom_metadata.c", "2"),
        ("identity.entity.aliases.else.name", None),
        ("identity.entity.custom_metadata.c", None),
        ("identity.groups.ids.g2.name", "dev"),
        ("identity.groups.names.ops.id", "g1"),
        ("identity.groups.names.ops.metadata.m", "3"),
        ("identity.groups.names.dev.name", None),
        ("identity.groups.names.ops", None),
        ("something", None),
    ],
)
def test_templates(template: str, text: str | None) -> None:
    policy = Policy(name="p", rules=(rule(f"a/{{{{ {template} }}}}/b"), rule("c")))
    expected = ["c"] if text is None else [f"a/{text}/b", "c"]
    assert [each.path for each in rendered(policy, FACTS).rules] == expected
    assert [each.path for each in rendered(policy, NO_ENTITY).rules] == ["c"]


def test_a_blocked_text_locks_its_identity_out() -> None:
    policy = Policy(name="p", rules=(rule("a/{{identity.entity.metadata.bad}}"), rule("c")))
    locked = Acl([rendered(policy, FACTS)], NOW)
    assert [locked.decide("c", "read").allowed, *(each.allowed for each in locked.decide_each("c", ["read"]))] == [
        "no",
        "no",
    ]
    open_ = msgspec.structs.replace(policy, slashes=True)
    assert Acl([rendered(open_, FACTS)], NOW).decide("a/a/b", "read").allowed == "yes"


def test_what_is_not_known_is_unknown_and_a_denial_of_the_path_stands() -> None:
    policy = Policy(name="p", rules=(rule("a/{{identity.entity.id}}"), PathRule(path="a/d", capabilities=DENY)))
    decider = Acl([rendered(policy, ANYBODY)], NOW)
    assert decider.decide("a/x", "read").conditions == ("template",)
    assert [decider.decide(path, "read").allowed for path in ("a/x", "a/x/y", "b", "a/d")] == [
        "unknown",
        "no",
        "no",
        "no",
    ]
    unreadable = Acl([policy, Policy(name="q", unreadable="not HCL")], NOW)
    assert unreadable.decide("b", "read").allowed == "unknown"
    assert unreadable.capabilities("b") is None
    assert unreadable.decide("a/d", "read").allowed == "no"


SEGMENT = st.sampled_from(("a", "b", "ab", "+"))
ENDING = st.sampled_from(("", "/", "/*", "a*", "*"))
PATTERN = st.builds("".join, st.tuples(st.lists(SEGMENT, min_size=1, max_size=4).map("/".join), ENDING))
RULE = st.builds(
    lambda path, held: PathRule(path=path.replace("+*", "+").replace("+a*", "+"), capabilities=held),
    PATTERN,
    st.sets(st.sampled_from(("read", "list", "update")), max_size=2).map(frozenset) | st.just(DENY),
)
POLICIES = st.lists(st.lists(RULE, min_size=1, max_size=4), min_size=1, max_size=4).map(
    lambda many: [Policy(name=f"p{number}", rules=tuple(rules)) for number, rules in enumerate(many)]
)
PATH = st.lists(st.sampled_from(("a", "b", "ab")), min_size=1, max_size=5).map("/".join)


@given(POLICIES, PATH, st.sampled_from(("read", "list", "update")))
def test_order_does_not_matter_and_only_relevant_policies_count(
    policies: list[Policy], path: str, capability: str
) -> None:
    decision = Acl(policies, NOW).decide(path, capability)
    assert Acl(policies[::-1], NOW).decide(path, capability) == decision
    relevant = Relevance(policies).policies(path)
    if capability != "list":  # it is asked for paths without a slash at their end
        assert Acl([each for each in policies if each.key in relevant], NOW).decide(path, capability) == decision
    denying = Policy(name="z", rules=(PathRule(path=path, capabilities=DENY),))
    assert Acl([*policies, denying], NOW).decide(path, "update").allowed == "no"


@pytest.mark.parametrize(
    ("declared", "whom"),
    [
        ("auth/corp/team/role/ops", Administrator("auth/corp/team/role/ops")),
        ("entity:jo", Administrator("identity/entity/name/jo")),
        ("group:the ops in team/a", Administrator("identity/group/name/the ops", "team/a")),
        ("auth/userpass/users/jo in root", Administrator("auth/userpass/users/jo", "")),
        ("root", Administrator("root")),
    ],
)
def test_declared_administrators_have_the_names_that_openbao_gives_them(declared: str, whom: Administrator) -> None:
    assert is_administrator(declared)
    assert administrators([declared]) == {whom}
    assert not any(map(is_administrator, (f" {declared}", "admin", "auth/", "entity:", "auth/x", "", "entity:jo in ")))


def test_an_identity_is_redacted_except_for_what_openbao_makes_itself() -> None:
    key = "sk-or-v1-" + "0123456789abcdef" * 4
    token = Identity("", "token", f"auth/token/accessors/{key}", label=key)
    assert (token.name, key in token.label) == (f"auth/token/accessors/{key}", False)
    entity = Identity("", "entity", f"identity/entity/name/{key}", label="7d32b6d1-e17f-ce5d-c842-16cbe38cfa11")
    assert (key in entity.name, entity.label) == (False, "7d32b6d1-e17f-ce5d-c842-16cbe38cfa11")
    assert key not in Identity("", "entity", f"identity/entity/name/entity_32c2b8f8.{key}").name


def test_what_openbao_makes_itself_does_not_take_the_scanner() -> None:
    code = """
import sys
from warden.core.access_index.ways import Identity

Identity("", "entity", "identity/entity/name/entity_32c2b8f8", label="7d32b6d1-e17f-ce5d-c842-16cbe38cfa11")
Identity("", "entity", "identity/entity/name/entity_32c2b8f8.root", label="7d32b6d1-e17f-ce5d-c842-16cbe38cfa11")
Identity("team", "entity", "identity/entity/name/entity_eefe4725.63KriM")
Identity("team", "group", "identity/group/name/group_b168b180.63KriM")
Identity("", "group", "identity/group/name/ops", label="7d32b6d1-e17f-ce5d-c842-16cbe38cfa11")
Identity("", "token", "auth/token/accessors/ie6J7KhBjrUIY1icyq4AYqt1", label="kubernetes-a-b")
sys.exit("kingfisher_sdk" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
