"""Decisions of several policy points: one for the caller, and each in the journal."""

import pytest

from warden.core.access.decision import Decision, PointDecision, Question, all_of, decided
from warden.core.access.points import DeniedByPoint, expect_permitted_by_points
from warden.core.errors import Effect, Refused
from warden.core.openbao.api import Identity
from warden.present.problems import described

WHO = Identity(display_name="d", path="auth/kubernetes/login", role="r", entity="e", policies=(), ttl=0)
ASK = Question(identity=WHO, action="access", resource="billing-key", context={"reason": "", "via": "env"})
CEDAR_ALLOWS = Decision(id="1", effect="allow", policies=("declared-readers",), message="")
CEDAR_DENIES = Decision(id="1", effect="deny", policies=("frozen",), message="", wants_reason=True)


def pdp(effect="allow", **other) -> Decision:
    point = PointDecision(point="company", effect=effect, **other)
    return Decision(id="2", effect=effect, policies=("company",), message="", points=(point,))


def test_all_allow():
    found = all_of([CEDAR_ALLOWS, pdp(id="x")])
    assert (found.id, found.effect, found.policies) == ("1", "allow", ("declared-readers", "company"))
    assert [(each.point, each.effect, each.id) for each in found.points] == [
        ("cedar", "allow", ""),
        ("company", "allow", "x"),
    ]
    assert found.denied_by is None
    expect_permitted_by_points(ASK, found, None)


def test_one_that_denies_is_the_decision():
    found = all_of([CEDAR_ALLOWS, pdp("deny", reason="out of hours", id="x")])
    assert (found.id, found.effect, found.policies) == ("1", "deny", ("company",))
    with pytest.raises(Refused) as caught:
        expect_permitted_by_points(ASK, found, None)
    assert isinstance(caught.value.problem, DeniedByPoint)
    assert described(caught.value.problem) == (
        "policy point company denies d (auth/kubernetes, role r) access to billing-key: out of hours "
        "(decision 1, there x)"
    )
    assert (caught.value.system, caught.value.subject) == ("policy point company", "billing-key")


def test_a_denied_certificate_in_words():
    problem = DeniedByPoint(who=WHO, action="sign", resource="agt-x", point="company", reason="", id="", decision="1")
    assert described(problem) == (
        "policy point company denies d (auth/kubernetes, role r) a certificate for agt-x (decision 1)"
    )


@pytest.mark.parametrize("effect", [None, Effect.NOTHING_SIGNED])
def test_what_therefore_did_not_happen(effect):
    with pytest.raises(Refused) as caught:
        expect_permitted_by_points(ASK, all_of([pdp("deny")]), effect)
    assert caught.value.effect == effect


def test_what_the_access_policies_deny_is_not_a_points_denial():
    found = all_of([CEDAR_DENIES])
    assert (found.effect, found.wants_reason, found.denied_by) == ("deny", True, None)
    expect_permitted_by_points(ASK, found, None)


def test_secret_material_in_a_reason_is_not_repeated():
    found = all_of([pdp("deny", reason="token hvs.CAESIJlU2v9kq3p0c4xT1yZb7d8e9f0aQwErTyUiOpAsDf is old")])
    with pytest.raises(Refused) as caught:
        expect_permitted_by_points(ASK, found, None)
    assert "hvs." not in described(caught.value.problem)
    assert "hvs." not in str(decided(ASK, found))


def test_the_journal_keeps_each_answer():
    alone = decided(ASK, CEDAR_ALLOWS)
    assert alone == {
        "id": "1",
        "action": "access",
        "effect": "allow",
        "policies": ["declared-readers"],
        "identity": WHO.as_json(),
        "reason": "",
        "via": "env",
    }
    both = decided(ASK, all_of([CEDAR_ALLOWS, pdp("deny", reason="no")]))
    assert both["points"] == [
        {"point": "cedar", "effect": "allow", "policies": ("declared-readers",)},
        {"point": "company", "effect": "deny", "reason": "no"},
    ]
