"""Who may have certificates signed: as whom a credential logs in, and what somebody else is told."""

import pytest

from warden.core.access.decision import Decision, PointDecision, Question
from warden.core.access.identities import (
    AppRoleCredential,
    Projected,
    ShownCertificate,
    expect_allowed,
    log_in,
    login_for,
)
from warden.core.errors import Effect, NotAReader, Refused
from warden.core.inventory.inventory import Actor, Host, NamedActor, NamedHost, PersonIdentity
from warden.core.lanes.lane import PeopleReader, Workload, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader
from warden.core.openbao.api import Identity
from warden.core.remedies import LogInAs, RunAs
from warden.core.secret import Secret
from warden.core.ssh.callers import callers_of
from warden.present.commands import command
from warden.present.problems import described

IDENTITIES = (
    WorkloadReader(workload=Workload("ci", "runner")),
    WorkloadReader(workload=Workload("ci", "runner"), audience="other", role="other"),
    GithubReader(github="acme/deploy", branch="main"),
    AppRoleReader(approle="nightly", mount="machines"),
    CertificateReader(certificate="ci.example.com", ca="ca.pem"),
    PersonIdentity(person="ada", login="company"),
    PeopleReader(people="admins", login="company", role="ssh-admins"),
)
ACTOR = NamedActor(name="agt-ci", declared=Actor(identities=IDENTITIES))


def projected(subject: str = "system:serviceaccount:ci:runner", audience: str = "openbao", **claims: str) -> Projected:
    return Projected(path="token", jwt=Secret("jwt"), subject=subject, audiences=(audience,), claims=claims)


def who(mount: str, role: str) -> Identity:
    return Identity(display_name="x", path=f"auth/{mount}/login", role=role, entity="", policies=(), ttl=0)


def ask(identity: Identity) -> Question:
    return Question(identity=identity, action="sign", resource="agt-ci", context={})


DENIED = Decision(id="d", effect="deny", policies=(), message="")


@pytest.mark.parametrize(
    ("credential", "mount", "parameters"),
    [
        (projected(), "kubernetes", {"role": "ssh-agt-ci"}),
        (projected(audience="other"), "kubernetes", {"role": "other"}),
        (
            projected(repository="acme/deploy", ref="refs/heads/main", event_name="push"),
            "kubernetes",
            {"role": "ssh-agt-ci"},
        ),
        (
            projected("x", repository="acme/deploy", ref="refs/heads/main", event_name="push"),
            "github",
            {"role": "ssh-agt-ci"},
        ),
        (AppRoleCredential(role_id="id", secret_id=Secret("s"), path="f"), "machines", {"role_id": "id"}),
        (ShownCertificate("c.pem"), "cert", {"name": "ssh-agt-ci"}),
    ],
)
def test_a_credential_logs_in_as_one_of_the_identities(credential, mount, parameters):
    login = login_for(callers_of(ACTOR), credential)
    assert login.mount == mount
    assert parameters.items() <= login.parameters.items()


@pytest.mark.parametrize(
    ("credential", "kind", "said"),
    [
        (projected("system:serviceaccount:ci:other"), NotAReader, "belongs to system:serviceaccount:ci:other"),
        (projected("x", repository="acme/deploy", ref="refs/heads/dev", event_name="push"), NotAReader, "belongs to x"),
        (projected(audience="vault"), Refused, "made for the audience vault, not for openbao or other"),
    ],
)
def test_somebody_elses_credential_is_not_sent(credential, kind, said):
    with pytest.raises(kind) as caught:
        login_for(callers_of(ACTOR), credential)
    assert said in described(caught.value.problem)


@pytest.mark.parametrize("credential", [ShownCertificate("c.pem"), projected()])
def test_an_actor_without_such_an_identity_says_whom_it_is_for(credential):
    only = NamedActor(name="adm-x", declared=Actor(identities=(PersonIdentity(person="ada", login="company"),)))
    with pytest.raises(NotAReader) as caught:
        login_for(callers_of(only), credential)
    assert "adm-x is for person ada of company (auth/company, role ssh-adm-x)" in described(caught.value.problem)


def test_only_a_role_of_an_identity_is_one():
    assert callers_of(ACTOR).has(who("company", "ssh-admins"))
    assert callers_of(ACTOR).has(who("company", "ssh-agt-ci"))
    assert not callers_of(ACTOR).has(who("kubernetes", "ssh-admins"))
    assert not callers_of(ACTOR).has(who("company", ""))


def test_a_denial_says_what_would_help():
    with pytest.raises(NotAReader):
        expect_allowed(callers_of(ACTOR), ask(who("company", "other")), DENIED)
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(ACTOR), ask(who("company", "ssh-agt-ci")), DENIED)
    assert "denies x (auth/company, role ssh-agt-ci) a certificate for agt-ci (decision d)" in described(
        caught.value.problem
    )
    wants = Decision(id="d", effect="deny", policies=("why",), message="", wants_reason=True)
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(ACTOR), ask(who("company", "ssh-agt-ci")), wants)
    assert described(caught.value.problem) == "why requires a reason for agt-ci, and the journal keeps it"
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(NamedHost(name="web", declared=Host())), ask(who("company", "x")), DENIED)
    assert not isinstance(caught.value, NotAReader)


@pytest.mark.parametrize(("role", "wants_reason"), [("other", False), ("ssh-agt-ci", False), ("ssh-agt-ci", True)])
def test_every_denial_says_that_nothing_was_signed(role, wants_reason):
    denied = Decision(id="d", effect="deny", policies=(), message="", wants_reason=wants_reason)
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(ACTOR), ask(who("company", role)), denied)
    assert caught.value.effect is Effect.NOTHING_SIGNED


def test_a_policy_points_denial_is_its_own():
    point = PointDecision(point="company", effect="deny", reason="not on call")
    denied = Decision(id="d", effect="deny", policies=(), message="", points=(point,))
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(ACTOR), ask(who("company", "other")), denied)
    assert "policy point company denies x" in described(caught.value.problem)
    assert caught.value.effect is Effect.NOTHING_SIGNED


def test_the_ways_to_log_in_begin_with_people():
    (one,) = log_in(callers_of(ACTOR))
    assert [each for each in one.steps if isinstance(each, LogInAs)] == [
        LogInAs("ada", "company", "ssh-agt-ci", person=True),
        LogInAs("admins", "company", "ssh-admins"),
    ]
    assert isinstance(one.steps[0], LogInAs)
    shown = [command(each.run) for each in one.steps if isinstance(each, RunAs)]
    assert any("--role-id" in each for each in shown)
    assert any("--token-file" in each for each in shown)
    assert log_in(callers_of(NamedHost(name="web", declared=Host()))) == ()


@pytest.mark.parametrize(
    ("subject", "asked_by", "advised"),
    [
        (ACTOR, "sign", "warden sign agt-ci --pubkey FILE --reason TEXT"),
        (ACTOR, "issue", "warden issue agt-ci --reason TEXT"),
        (NamedHost(name="web", declared=Host()), "sign", "warden ssh host sign web --pubkey FILE --reason TEXT"),
    ],
)
def test_what_is_advised_is_the_command_that_was_run(subject, asked_by, advised):
    wants = Decision(id="d", effect="deny", policies=("why",), message="", wants_reason=True)
    with pytest.raises(Refused) as caught:
        expect_allowed(callers_of(subject, asked_by), ask(who("company", "ssh-agt-ci")), wants)
    assert [command(each) for each in caught.value.remedy] == [advised]
