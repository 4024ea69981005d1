"""Other ways in, in words: every kind of step, condition and subject has some."""

from typing import get_args

import pytest

from warden.core.access_index.snapshot import Reason, Subject
from warden.core.access_index.ways import Condition, Effect, Identity, Rule, Step, StepKind
from warden.core.proofs.details import NotLookedAt, OtherWayIn
from warden.present.other_ways import not_looked_at, way_in

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
        'it can read it and can give itself access by path "platform/*" of policy ops and path "sys/policies/acl/*" of '
        "policy more; how: writes the policy sys/policies/acl/ops, which gives ops; "
        "condition: a control group has to approve; belongs to ops-team"
    )


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
        "the tokens that are alive in the namespace team: permission denied "
        "(it takes list and sudo on auth/token/accessors)"
    )


@pytest.mark.parametrize("does", names(StepKind))
def test_every_step_has_words(does):
    assert "how: " in way_in(OtherWayIn(identity=BOB, effects=("grants",), rules=RULES, via=(Step(does, "x"),)))


@pytest.mark.parametrize("condition", names(Condition))
def test_every_condition_has_words(condition):
    assert "condition: " in way_in(OtherWayIn(identity=BOB, effects=("reads",), rules=RULES, conditions=(condition,)))


@pytest.mark.parametrize("effect", names(Effect))
def test_every_effect_has_words(effect):
    assert "it can " in way_in(OtherWayIn(identity=BOB, effects=(effect,), rules=()))


UNKNOWN = [*((each, "denied") for each in names(Subject)), *(("role", each) for each in names(Reason))]


@pytest.mark.parametrize(("what", "why"), UNKNOWN)
def test_every_subject_and_reason_has_words(what, why):
    assert ": " in not_looked_at(NotLookedAt(what=what, name="x", why=why))
