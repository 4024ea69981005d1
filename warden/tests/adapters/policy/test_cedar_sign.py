"""The action `sign`: who may have a certificate, by the default policy and by rules of one's own."""

from pathlib import Path
from typing import Any

import pytest

from warden.adapters.policy.cedar import DEFAULT, CedarPolicy, policy_faults
from warden.core.access.decision import Decision, Question
from warden.core.inventory.inventory import Actor, Host, NamedActor, PersonIdentity
from warden.core.lanes.lane import Workload, WorkloadReader
from warden.core.openbao.api import Identity
from warden.core.ssh.emergency import local_identity

IDENTITIES = (
    WorkloadReader(workload=Workload("billing", "api")),
    PersonIdentity(person="ada", login="netkingdom", role="Ops-Ada"),
)
ACTOR = NamedActor(name="agt-deploy", declared=Actor(identities=IDENTITIES, hosts=("web",)))
CONTEXT: dict[str, Any] = {
    "reason": "",
    "principals": ("agt-deploy",),
    "actor_type": "agt",
    "fingerprint": "SHA256:x",
    "ttl": 900,
    "type": "user",
}


def who(path: str = "auth/kubernetes/login", role: str = "ssh-agt-deploy") -> Identity:
    return Identity(display_name="d", path=path, role=role, entity="e1", policies=("default",), ttl=60)


def ask(policy: CedarPolicy, identity: Identity, declared=ACTOR, action: str = "sign", **context) -> Decision:
    resource = declared.name if isinstance(declared, NamedActor) else "web1"
    return policy.decide(
        Question(identity=identity, action=action, resource=resource, context=CONTEXT | context, declared=declared)
    )


@pytest.fixture
def default(tmp_path: Path) -> CedarPolicy:
    return CedarPolicy(str(tmp_path / "none"))


@pytest.mark.parametrize("identity", [who(), who("auth/netkingdom/oidc/callback", "ops-ada")])
def test_the_default_permits_a_declared_identity(default, identity):
    assert (ask(default, identity).effect, ask(default, identity).policies) == ("allow", ("declared-identities",))


@pytest.mark.parametrize(
    "identity",
    [
        who(role="ssh-agt-other"),
        who(role="workload-billing-api"),
        who("auth/kubernetes2/login"),
        who("auth/netkingdom/login"),
        who("auth/token/root", ""),
    ],
)
def test_the_default_denies_everyone_else(default, identity):
    assert ask(default, identity, reason="please").effect == "deny"


def test_an_actor_nobody_signs_for_is_denied(default):
    nobody = NamedActor(name=ACTOR.name, declared=Actor())
    assert ask(default, who(), nobody).effect == "deny"


def test_a_host_is_left_to_whoever_may_use_the_authority(default):
    found = ask(default, who("auth/token/root", ""), Host(), type="host", actor_type="", principals=("web1",))
    assert (found.effect, found.policies) == ("allow", ("host-keys",))


def test_a_lane_is_not_read_with_the_right_to_sign(default):
    question = Question(identity=who(), action="access", resource="agt-deploy", context={"reason": "", "via": "env"})
    assert default.decide(question).effect == "deny"


PERSON = NamedActor(name="adm-ada", declared=Actor())
LOCAL = local_identity("ada", "laptop")


def test_without_openbao_the_default_permits_people_who_say_why(default):
    found = ask(default, LOCAL, PERSON, "break-glass", reason="OpenBao is down")
    assert (found.effect, found.policies) == ("allow", ("break-glass",))
    refused = ask(default, LOCAL, PERSON, "break-glass")
    assert (refused.effect, refused.wants_reason) == ("deny", True)


def test_without_openbao_the_default_denies_agents_and_the_usual_way(default):
    assert ask(default, LOCAL, ACTOR, "break-glass", reason="OpenBao is down").effect == "deny"
    assert ask(default, LOCAL, PERSON, "sign", reason="OpenBao is down").effect == "deny"


def test_a_rule_can_say_who_may_sign_without_openbao(tmp_path):
    rule = 'permit (principal, action == Action::"break-glass", resource) when { principal.display_name like "ada@*" };'
    (tmp_path / "p.cedar").write_text(rule)
    assert not policy_faults(str(tmp_path))
    assert ask(CedarPolicy(str(tmp_path)), LOCAL, PERSON, "break-glass").effect == "allow"
    assert ask(CedarPolicy(str(tmp_path)), local_identity("bob", "laptop"), PERSON, "break-glass").effect == "deny"


def test_the_shipped_example_asks_for_a_reason_for_long_logins(tmp_path, default):
    text = Path(DEFAULT, "declared-identities.cedar").read_text()
    example = "@id(" + text.partition("// @id(")[2].replace("\n//", "\n")
    (tmp_path / "a.cedar").write_text(text + example)
    policy = CedarPolicy(str(tmp_path))
    refused = ask(policy, who(), ttl=3601)
    assert (refused.effect, refused.policies) == ("deny", ("long-logins-want-a-reason",))
    assert refused.wants_reason
    assert ask(policy, who(), ttl=3601, reason="ticket 4711").effect == "allow"
    assert ask(policy, who(), ttl=3600).effect == "allow"
    assert not policy_faults(str(tmp_path))


RULE = 'permit (principal, action == Action::"sign", resource is Actor) when {{ {} }};'


@pytest.mark.parametrize(
    "when",
    [
        'resource.type == "agt"',
        'resource.principals.contains("agt-deploy")',
        'resource.hosts.contains("web")',
        'context.fingerprint == "SHA256:x"',
        'context.principals.containsAll(["agt-deploy"])',
        'context.type == "user" && context.actor_type == "agt"',
    ],
)
def test_a_rule_can_refer_to_what_the_inventory_and_the_request_say(tmp_path, when):
    (tmp_path / "p.cedar").write_text(RULE.format(when))
    assert not policy_faults(str(tmp_path))
    assert ask(CedarPolicy(str(tmp_path)), who()).effect == "allow"
    (tmp_path / "p.cedar").write_text(RULE.format(f"!({when})"))
    assert ask(CedarPolicy(str(tmp_path)), who()).effect == "deny"


def test_a_rule_can_refer_to_a_hosts_names(tmp_path):
    rule = 'permit (principal, action == Action::"sign", resource is Host) when { resource.names.contains("web1") };'
    (tmp_path / "p.cedar").write_text(rule)
    assert not policy_faults(str(tmp_path))
    policy = CedarPolicy(str(tmp_path))
    assert ask(policy, who(), Host(), type="host").effect == "allow"
    assert ask(policy, who(), Host(names=("other",)), type="host").effect == "deny"
