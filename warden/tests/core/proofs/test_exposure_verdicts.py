"""The verdicts on who gets at a Secret, from what was seen of a cluster's RBAC, and what takes the rights away."""

import json
import shlex

import pytest

from warden.core.clusters.exposure import (
    Disagreement,
    ExposureObservation,
    ObtainableBy,
    ReadableBy,
    TokenSecrets,
    widest,
)
from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking
from warden.core.clusters.subjects import Subject
from warden.core.clusters.ways import Bound
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.proofs.exposure_details import (
    Administered,
    Asked,
    AuthorizersDiffer,
    EndlessTokens,
    ObtainableByOthers,
    ReadableByOthers,
    TokensNotListed,
)
from warden.core.proofs.exposure_verdicts import judge_exposure
from warden.core.remedies import RunKubectl
from warden.core.unobserved import Unobserved
from warden.present.commands import commands

AWAY, REFUSED = Unobserved("unreachable", "there", "no answer"), Unobserved("refused", "there", "forbidden")
LEAK = Ref("RoleBinding", "tenant", "leak")
DEVS = ReadableBy(subject=Subject("group", "devs"), bindings=(Bound(LEAK, 0, "devs"),))
EVE = ReadableBy(subject=Subject("user", "eve"), bindings=())
RUNS = ObtainableBy(
    subject=Subject("user", "eve"), rights=(Asking("create", "", "pods", "tenant"),), bindings=(Bound(LEAK, 1, "eve"),)
)


@pytest.fixture
def judged(lane_of):
    """probe -> verdict."""

    def judge(unobserved=None, tokens=None, **exposure):
        made = lane_of(deliveries={"here": Delivery(external_secret="tenant/first-secret")})
        seen = DeliveryObservation(
            target=target(made, "here", {"here": DeclaredCluster(context="ctx")}),
            exposure=ExposureObservation(**exposure),
            token_secrets=tokens,
            unobserved=unobserved or {},
        )
        return {each.probe: each for each in judge_exposure(seen)}

    return judge


def remove(index, name):
    return RunKubectl(
        context="ctx",
        action="remove-subject",
        kind="RoleBinding",
        namespace="tenant",
        name="leak",
        value=name,
        index=index,
    )


def test_nobody_else(judged):
    found = judged(asked=24, known=40)
    assert {probe: (each.result, each.observed) for probe, each in found.items()} == {
        "exposure": ("ok", "nobody-else"),
        "indirect": ("ok", "nobody-else"),
    }
    assert (found["exposure"].detail, found["indirect"].detail) == (Asked(24, 40), None)


def test_who_else_may_read_it_is_named_and_taken_out_of_the_binding(judged):
    verdict = judged(readable_by=(EVE, DEVS), asked=2, known=3)["exposure"]
    assert (verdict.result, verdict.observed) == ("wrong", "others")
    assert verdict.detail == ReadableByOthers((DEVS, EVE), 2, 3)
    assert verdict.remedy == (remove(0, "devs"),)
    assert judged(readable_by=(EVE,))["exposure"].remedy == ()


def test_who_could_get_at_it_is_named_and_taken_out_of_the_binding(judged):
    verdict = judged(obtainable_by=(RUNS,))["indirect"]
    assert (verdict.result, verdict.observed, verdict.detail) == ("wrong", "others", ObtainableByOthers((RUNS,)))
    assert verdict.remedy == (remove(1, "eve"),)


def test_of_one_binding_the_last_subject_goes_first_so_that_the_others_keep_their_places(judged):
    several = [
        ReadableBy(subject=Subject("user", name), bindings=(Bound(LEAK, index, name),))
        for index, name in enumerate(("a", "b"))
    ]
    assert judged(readable_by=several)["exposure"].remedy == (remove(1, "b"), remove(0, "a"))


def test_the_patch_is_refused_where_another_subject_is_in_that_place(judged):
    words = shlex.split(commands(judged(obtainable_by=(RUNS,))["indirect"].remedy))
    assert words[:-2] == ["kubectl", "--context", "ctx", "-n", "tenant", "patch", "rolebinding", "leak"]
    assert json.loads(words[-1].removeprefix("--patch=")) == [
        {"op": "test", "path": "/subjects/1/name", "value": "eve"},
        {"op": "remove", "path": "/subjects/1"},
    ]


def test_administrators_are_listed_and_not_condemned(judged):
    verdict = judged(administrators=(Subject("account", "ci/deployer"),))["indirect"]
    assert (verdict.result, verdict.detail) == ("ok", Administered(("ci/deployer",)))


def test_another_authorizer_stays_open(judged):
    found = Disagreement(subject=EVE.subject, right=Asking("get", "", "secrets", "tenant"), allowed=True)
    verdict = judged(disagreements=(found,))["authorizer"]
    assert (verdict.result, verdict.observed) == ("inconclusive", "differs")
    assert verdict.detail == AuthorizersDiffer((found,))


def test_what_could_not_be_asked_stays_open(judged):
    found = judged(unobserved={"exposure": AWAY, "token-secrets": AWAY})
    assert {(each.result, each.observed, each.detail) for each in found.values()} == {
        ("inconclusive", "not-seen", AWAY)
    }
    assert set(found) == {"exposure", "indirect", "token-secrets"}


def test_tokens_that_do_not_end(judged):
    assert judged(tokens=TokenSecrets(account="tenant/first"))["token-secrets"].result == "ok"
    forever = Ref("Secret", "tenant", "forever")
    verdict = judged(tokens=TokenSecrets(account="tenant/first", found=(forever,)))["token-secrets"]
    assert (verdict.result, verdict.detail) == ("wrong", EndlessTokens("tenant/first", (forever,)))
    assert commands(verdict.remedy) == "kubectl --context ctx -n tenant delete secret forever"


def test_who_may_not_list_them_is_told_why_they_do_not_matter_at_openbao(judged):
    verdict = judged(unobserved={"token-secrets": REFUSED})["token-secrets"]
    assert (verdict.result, verdict.observed) == ("ok", "not-seen")
    assert verdict.detail == TokensNotListed("tenant/first", "tenant")


def test_who_reads_only_as_a_member_is_not_named_one_by_one():
    everybody = ReadableBy(subject=Subject("group", "system:serviceaccounts"), bindings=())
    member = ReadableBy(subject=Subject("account", "tenant/app"), bindings=())
    assert widest([member, everybody]) == (everybody,)
    assert widest([member, DEVS]) == (DEVS, member)
