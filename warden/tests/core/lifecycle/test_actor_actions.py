"""What is left to do of an actor, by what the journal and OpenBao say of it."""

import datetime as dt

import msgspec
import pytest

from warden.core.inventory.inventory import Actor, NamedActor, PersonIdentity
from warden.core.journal.record import LaneState, Record
from warden.core.lanes.lane import Owner, WorkloadReader
from warden.core.lifecycle.actor_actions import SubjectFacts, of_subject
from warden.core.remedies import LogInAs, OneOf, warden
from warden.core.routes.proof_summary import ProofSummary, as_record

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(hours=24)
TEAM = Owner(repo="ops-warden", doc="docs/ssh.md")
PERSON = PersonIdentity(person="ada", login="netkingdom")


def actor(*identities):
    return NamedActor(name="agt-deploy", declared=Actor(identities=identities))


def proven(state="proven", hours=1):
    body = as_record(ProofSummary(state=state, passed=1, failed=0, inconclusive=0, total=1))
    at = (NOW - dt.timedelta(hours=hours)).isoformat()
    return LaneState(proof=record(at, body))


def record(at, body):
    fields = {each.name: each for each in msgspec.structs.fields(Record)}
    blank = {name: 0 if each.type is int else "" for name, each in fields.items() if each.required}
    return Record(**{**blank, "seq": 7, "at": at, "event": "proof", "lane": "agt-deploy", "body": body})


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"applied": False, "state": proven()}, "not-applied"),
        ({}, "not-proven"),
        ({"state": proven()}, None),
        ({"state": proven(hours=25)}, "not-proven"),
        ({"state": proven("inconclusive")}, "not-proven"),
        ({"state": proven("refuted")}, "refuted"),
        ({"state": proven(), "changed_since": True}, "moved-on"),
    ],
)
def test_the_one_thing_that_is_next(facts, kind):
    found = list(of_subject(SubjectFacts(name="agt-deploy", actor=actor(), **facts), TEAM, NOW, DAY))
    assert [each.kind for each in found] == ([kind] if kind else [])
    assert all(each.owner == "ops-warden" for each in found)


def test_a_person_logs_in_to_prove():
    facts = SubjectFacts(name="agt-deploy", actor=actor(PERSON))
    (found,) = of_subject(facts, TEAM, NOW, DAY)
    log_in = LogInAs("ada", "netkingdom", "ssh-agt-deploy", person=True)
    assert found.remedy == (OneOf((log_in,)), warden("prove", "agt-deploy"))


def test_whoever_may_play_an_identity_proves_at_once():
    (found,) = of_subject(
        SubjectFacts(name="agt-deploy", actor=actor(PERSON, WorkloadReader(workload="a/b"))), TEAM, NOW, DAY
    )
    assert found.remedy == (warden("prove", "agt-deploy"),)


def test_of_a_host_it_is_only_whether_it_is_applied():
    assert not list(of_subject(SubjectFacts(name="web"), TEAM, NOW, DAY))
    (found,) = of_subject(SubjectFacts(name="web", applied=False), TEAM, NOW, DAY)
    assert (found.kind, found.remedy) == ("not-applied", (warden("apply", "web"),))
