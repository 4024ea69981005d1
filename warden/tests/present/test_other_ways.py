"""Other ways in, in words: every kind of step, condition and subject has some."""

from typing import get_args

import pytest

from warden.core.access_index.snapshot import Reason, Subject
from warden.core.access_index.ways import Condition, Effect, Identity, Rule, Step, StepKind, WayIn
from warden.core.proofs.details import NotLookedAt, OtherWayIn
from warden.present.other_ways import how, not_looked_at, way_in
from warden.present.who_can import name_of

BOB = Identity("", "login", "auth/userpass/users/bob", mount="auth/userpass", owner="ops-team")
RULES = (Rule("ops", "platform/*"), Rule("more", "sys/policies/acl/*"))


def names(literal) -> list[str]:
    """The texts of a literal, of which one may be made of others."""
    return [name for each in get_args(literal) for name in (names(each) if get_args(each) else [each])]


def test_a_way_in_says_how_by_which_rules_and_whose_it_is():
    detail = OtherWayIn(
        identity=BOB,
        effects=("reads", "grants"),
        rules=RULES,
        via=(Step("writes-policy", "sys/policies/acl/ops", gains="ops"),),
        conditions=("control-group",),
    )
    assert way_in(detail) == (
        'can read it and can gain access by path "platform/*" of policy ops and path "sys/policies/acl/*" of '
        "policy more; how: writes the policy sys/policies/acl/ops; "
        "condition: a control group has to approve; belongs to ops-team"
    )


def test_a_step_says_what_it_gives_where_that_is_something_else():
    role = "auth/k/role/x"
    told = [
        way_in(OtherWayIn(identity=BOB, effects=("grants",), rules=(), via=(Step(*step, gains=role),)))
        for step in (("writes-role", role), ("creates-secret-id", f"{role}/secret-id"))
    ]
    assert "how: writes the role auth/k/role/x;" in told[0]
    assert "how: makes a SecretID at auth/k/role/x/secret-id, which gives auth/k/role/x;" in told[1]


def test_a_token_is_called_what_somebody_called_it():
    """The owner is said where it is known: a verdict names the lane's own as well, as who has to act."""
    tokens = [Identity("", "token", "auth/token/accessors/a", label=each) for each in ("token", "token-ci")]
    told = [way_in(OtherWayIn(identity=each, effects=("reads",), rules=())) for each in tokens]
    assert told == ["can read it", "can read it; a token called token-ci"]
    assert [name_of(each) for each in tokens] == ["accessor:a", "accessor:a (token-ci)"]


def test_conditions_are_said_alike_in_who_can():
    way = WayIn(identity=BOB, effect="reads", rules=RULES[:1], conditions=("control-group",))
    assert how(way) == 'by path "platform/*" of policy ops; condition: a control group has to approve'


def test_what_could_not_be_looked_at_names_the_right_that_is_missing():
    detail = NotLookedAt(
        what="tokens",
        name="",
        why="denied",
        namespace="team",
        path="auth/token/accessors",
        capabilities=("list", "sudo"),
    )
    assert not_looked_at(detail) == (
        "the live tokens in the namespace team: permission denied (needs list and sudo on auth/token/accessors)"
    )


@pytest.mark.parametrize("does", names(StepKind))
def test_every_step_has_words(does):
    assert "how: " in way_in(OtherWayIn(identity=BOB, effects=("grants",), rules=RULES, via=(Step(does, "x"),)))


@pytest.mark.parametrize("condition", names(Condition))
def test_every_condition_has_words(condition):
    assert "condition: " in way_in(OtherWayIn(identity=BOB, effects=("reads",), rules=RULES, conditions=(condition,)))


@pytest.mark.parametrize("effect", names(Effect))
def test_every_effect_has_words(effect):
    assert way_in(OtherWayIn(identity=BOB, effects=(effect,), rules=())).startswith("can ")


UNKNOWN = [*((each, "denied") for each in names(Subject)), *(("role", each) for each in names(Reason))]


@pytest.mark.parametrize(("what", "why"), UNKNOWN)
def test_every_subject_and_reason_has_words(what, why):
    assert ": " in not_looked_at(NotLookedAt(what=what, name="x", why=why))
