"""Who may have a lane's value: each refusal with its facts and its remedy."""

import datetime as dt

import pytest

from warden.core.access.advice import advise
from warden.core.access.authorization import (
    FieldsMissing,
    LaneClosed,
    LaneIsDraft,
    NoLiveVersion,
    NoSuchField,
    NulByte,
    expect_active,
    expect_declared,
    expect_fields,
    expect_fit,
    expect_open,
    readers_of,
)
from warden.core.access.decision import Decision, Question
from warden.core.access.identities import (
    DeclaredRole,
    DeniedByPolicy,
    NotDeclared,
    Projected,
    ReasonRequired,
    TokenOf,
    WrongAudience,
    expect_allowed,
    identity_for,
    log_in,
)
from warden.core.errors import Closed, Missing, NotAReader, NotNow, Refused, UsageError
from warden.core.journal.record import Record
from warden.core.lanes.lane import Custody, PeopleReader, Workload, WorkloadReader
from warden.core.openbao.api import Identity
from warden.core.remedies import AskOwner, LogInAs, MountToken, OneOf, RunAs, access, warden
from warden.core.routes.route import declared_route
from warden.core.secret import Secret

WORKLOAD = WorkloadReader(workload=Workload("tenant", "app"))
PEOPLE = PeopleReader(people="devs", login="corp")
RUN_AS = RunAs("tenant/app", "openbao", access("first", token_file="FILE"))
LOG_IN = LogInAs("devs", "corp", "first-workload-kv-read")
WAYS = (OneOf((LOG_IN, RUN_AS)),)
WORKLOAD_ROLE = DeclaredRole(identity="tenant/app", mount="kubernetes", role="workload-tenant-app")
PEOPLE_ROLE = DeclaredRole(identity="people devs of corp", mount="corp", role="first-workload-kv-read")


@pytest.fixture
def lane(lane_of):
    return lane_of(readers=(WORKLOAD, PEOPLE))


def closing(**body: object) -> Record:
    return Record(seq=7, at="2026-07-03T12:00:00Z", event="lane.closed", lane="first", actor="x", body=body, hash="h")


def token(subject: str = "system:serviceaccount:tenant:app", *audiences: str) -> Projected:
    return Projected(path="/t", jwt=Secret("x"), subject=subject, audiences=audiences)


def identity(role: str = "", path: str = "auth/kubernetes/login") -> Identity:
    return Identity(display_name="d", path=path, role=role, entity="", policies=(), ttl=0)


def ask(who: Identity) -> Question:
    return Question(identity=who, action="access", resource="first", context={})


def denied(**more: object) -> Decision:
    return Decision(id="d1", effect="deny", policies=("p",), message="", **more)


def test_a_closed_lane_is_for_nobody_and_its_owner_can_open_it(lane):
    expect_open(lane, None)
    with pytest.raises(Closed) as refusal:
        expect_open(lane, closing(reason="leaked"))
    assert refusal.value.problem == LaneClosed(
        lane="first", since="2026-07-03T12:00:00Z", reason="leaked", record=7, meanwhile=False
    )
    assert refusal.value.remedy == (AskOwner("platform-team", run=warden("reactivate", "first", reason="TEXT")),)


def test_a_draft_names_the_placeholder_that_is_left(lane_of):
    expect_active(lane_of())
    with pytest.raises(NotNow) as refusal:
        expect_active(lane_of(status="draft"))
    assert refusal.value.problem == LaneIsDraft(lane="first")
    with pytest.raises(NotNow) as refusal:
        expect_active(lane_of(status="draft", custody=Custody(path="kv/<team>/a", fields=("F",))))
    assert refusal.value.problem == LaneIsDraft(lane="first", placeholder="kv/<team>/a")


def test_a_service_account_token_logs_in_as_its_own_reader(lane):
    assert identity_for(readers_of(lane), token("system:serviceaccount:tenant:app", "other", "openbao")) == WORKLOAD


def test_another_accounts_token_is_not_a_readers(lane):
    with pytest.raises(NotAReader) as refusal:
        identity_for(readers_of(lane), token("system:serviceaccount:tenant:other", "openbao"))
    who = TokenOf(path="/t", subject="system:serviceaccount:tenant:other")
    assert refusal.value.problem == NotDeclared(who=who, subject="first", declared=(WORKLOAD_ROLE, PEOPLE_ROLE))
    assert refusal.value.remedy == WAYS


def test_a_token_for_another_audience_is_not_openbaos_to_see(lane):
    with pytest.raises(Refused) as refusal:
        identity_for(readers_of(lane), token("system:serviceaccount:tenant:app", "kubernetes"))
    assert refusal.value.problem == WrongAudience(path="/t", audiences=("kubernetes",), wanted=("openbao",))
    assert refusal.value.remedy == (MountToken("openbao"),)


def test_what_the_policy_allows_is_allowed(lane):
    expect_allowed(readers_of(lane), ask(identity()), Decision(id="d", effect="allow", policies=(), message=""))


def test_a_policy_can_require_a_reason(lane):
    with pytest.raises(Refused) as refusal:
        expect_allowed(readers_of(lane), ask(identity("workload-tenant-app")), denied(wants_reason=True))
    assert refusal.value.problem == ReasonRequired(subject="first", policies=("p",))
    assert refusal.value.remedy == (access("first", reason="TEXT"),)


@pytest.mark.parametrize("who", [identity(), identity("other"), identity("workload-tenant-app", "auth/token/create")])
def test_whoever_is_not_a_reader_learns_who_is(lane, who):
    with pytest.raises(NotAReader) as refusal:
        expect_allowed(readers_of(lane), ask(who), denied())
    assert refusal.value.problem == NotDeclared(who=who, subject="first", declared=(WORKLOAD_ROLE, PEOPLE_ROLE))
    assert refusal.value.remedy == WAYS


def test_a_reader_whom_the_policy_denies_asks_the_owner(lane):
    who = identity("workload-tenant-app")
    with pytest.raises(Refused) as refusal:
        expect_allowed(readers_of(lane), ask(who), denied())
    assert not isinstance(refusal.value, NotAReader)
    assert refusal.value.problem == DeniedByPolicy(
        who=who, action="access", subject="first", policies=("p",), decision="d1"
    )
    assert refusal.value.remedy == (AskOwner("platform-team"),)


def test_a_lane_without_readers_has_no_way_to_log_in(lane_of):
    assert log_in(readers_of(lane_of(readers=()))) == ()
    with pytest.raises(NotAReader) as refusal:
        expect_allowed(readers_of(lane_of(readers=())), ask(identity()), denied())
    assert refusal.value.remedy == (AskOwner("platform-team"),)


def test_fields_are_checked_by_name_and_content(lane):
    with pytest.raises(UsageError) as unknown:
        expect_declared(lane, "NOPE")
    assert unknown.value.problem == NoSuchField(lane="first", field="NOPE", fields=("API_KEY",))
    expect_fit(lane, {"API_KEY": Secret("a\0b")}, "fd")
    with pytest.raises(UsageError) as unfit:
        expect_fit(lane, {"API_KEY": Secret("a\0b")}, "env")
    assert unfit.value.problem == NulByte("API_KEY")
    assert unfit.value.remedy == (access("first", as_="fd"),)


@pytest.mark.parametrize("found", [None, (), ("OTHER",)])
def test_a_value_that_is_not_there_is_the_owners_to_put(lane, found):
    expect_fields(lane, ("API_KEY", "OTHER"))
    with pytest.raises(Missing) as refusal:
        expect_fields(lane, found)
    path = lane.custody.path
    assert refusal.value.problem == (
        NoLiveVersion(path) if found is None else FieldsMissing(path=path, fields=("API_KEY",))
    )
    assert refusal.value.remedy == (AskOwner("platform-team", run=warden("put", "first", "API_KEY")),)


def test_advice_has_a_way_for_each_reader(lane):
    answer = advise(lane, declared_route(lane))
    assert [(way.reader, way.mount, way.log_in) for way in answer.ways] == [
        ("tenant/app", "kubernetes", RUN_AS),
        ("people devs of corp", "corp", LOG_IN),
    ]
    assert answer.state == "active"
    assert answer.route.reviewed == dt.date(2026, 11, 1)
