"""Who gets at a Secret, on a real API server: administrators, other authorizers, and what is asked how often."""

import shlex
from collections import Counter

import msgspec
import pytest
from faults.cluster.rbac import EVE, GROUP, may

from warden.core.clusters.subjects import Subject
from warden.core.proofs.exposure_details import Administered, AuthorizersDiffer, TokensNotListed
from warden.present.commands import commands
from warden.usecases.steps import exposure
from warden.usecases.steps.exposure import Exposures

pytestmark = pytest.mark.cluster
CHIEF = EVE | {"name": "chief"}


class Between:
    """A cluster as it is, but for what a test says of it; counts what is asked."""

    def __init__(self, cluster, **instead):
        self._cluster, self._instead, self.counts = cluster, instead, Counter()

    def __getattr__(self, name):
        found = self._instead.get(name) or getattr(self._cluster, name)
        if not callable(found):
            return found

        def asked(*args, **more):
            self.counts[f"{name} {args[0]}" if name == "listed" else name] += 1
            return found(*args, **more)

        return asked


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(exposure, "SETTLES", 0.0)


def declare(bench, **fields):
    bench.declared = {name: msgspec.structs.replace(each, **fields) for name, each in bench.declared.items()}


def proof_with(bench, **instead):
    between = Between(bench.kube(), **instead)
    return bench.prove(clusters=bench.clusters(coulombcore=between)), between


def test_a_declared_administrator_is_listed_and_not_condemned(bench):
    may("create", "pods")(bench.ready())
    declare(bench, may_administer=("user:eve",))
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    assert bench.verdict(proof, "indirect").detail == Administered(("user:eve",))


def test_to_administer_is_not_to_read(bench):
    may("get", "secrets")(bench.ready())
    declare(bench, may_administer=("user:eve",))
    assert bench.found(bench.prove(), "wrong") == {"exposure"}
    declare(bench, may_administer=(), may_read_secrets=("user:eve",))
    assert bench.prove().state == "proven"


def test_the_commands_that_are_shown_take_those_subjects_out_and_nobody_else(bench):
    bench.ready()
    may("create", "pods", subject=GROUP)(bench)
    bench.merge("rolebinding", "way-in", {"subjects": [EVE, CHIEF, GROUP]})
    bench.until(lambda: bench.may("eve", verb="create", resource="pods", namespace=bench.namespace))
    declare(bench, may_administer=("user:chief",))
    for line in commands(bench.verdict(bench.prove(), "indirect").remedy).split(" && "):
        words = shlex.split(line)
        assert words[:3] == ["kubectl", "--context", "coulombcore"]
        done = bench.handle().kubectl(*words[3:])
        assert done.returncode == 0, done.stderr
    left = bench.handle().must("GET", bench.url("rolebinding", "way-in"))["subjects"]
    assert [each["name"] for each in left] == ["chief"]
    bench.until(lambda: not bench.may("eve", verb="create", resource="pods", namespace=bench.namespace))
    assert bench.prove().state == "proven"


@pytest.mark.usefixtures("quick")
def test_another_authorizer_that_lets_accounts_through_is_found_by_the_sample(bench):
    real = bench.ready().kube()
    proof, _ = proof_with(bench, may=lambda subject, asking: subject.kind == "account" or real.may(subject, asking))
    detail = bench.verdict(proof, "authorizer").detail
    assert isinstance(detail, AuthorizersDiffer)
    assert all(each.allowed for each in detail.disagreements)
    assert bench.found(proof, "wrong") == {"exposure"}
    readable_by = {each.subject: each.bindings for each in bench.verdict(proof, "exposure").detail.subjects}
    assert readable_by[Subject("account", f"{bench.namespace}/default")] == ()


@pytest.mark.usefixtures("quick")
def test_another_authorizer_that_refuses_is_found_too_and_nobody_is_condemned_by_rbac_alone(bench):
    may("get", "secrets")(bench.ready())
    proof, _ = proof_with(bench, may=lambda *_: False)
    assert bench.found(proof, "inconclusive") == {"authorizer"}
    assert bench.found(proof, "wrong") == set()


@pytest.mark.usefixtures("quick")
def test_a_right_that_was_taken_away_meanwhile_is_read_anew(bench):
    bench.ready()
    real, calls = bench.kube(), []
    role = {"kind": "ClusterRole", "name": "admin"}
    gone = {"kind": "RoleBinding", "metadata": {"name": "gone", "namespace": bench.namespace}, "roleRef": role}

    def listed(kind, *args, **more):
        calls.append(kind)
        found = real.listed(kind, *args, **more)
        return [*found, gone | {"subjects": [EVE]}] if kind == "RoleBinding" and calls.count(kind) == 1 else found

    proof, between = proof_with(bench, listed=listed)
    assert proof.state == "proven", bench.shown(proof)
    assert between.counts["listed RoleBinding"] == 2


def test_a_second_lane_of_the_cluster_asks_for_nothing_more(bench):
    bench.ready()
    between, exposures = Between(bench.kube()), Exposures()
    first = exposures.of(bench.target(), between)
    exposures.token_secrets(bench.target(), between)
    before = Counter(between.counts)
    assert before["listed RoleBinding"] == before["listed Role"] == before["token_secrets"] == 1
    assert before["may"] == first.asked <= exposure.SAMPLE
    assert exposures.of(bench.target(), between) == first
    exposures.token_secrets(bench.target(), between)
    assert between.counts == before


def test_who_may_not_list_secrets_is_told_so(bench):
    bench.ready()
    bench.create("serviceaccount", {"metadata": {"name": "agent"}})
    narrow = bench.kube_as("agent")
    proof, _ = proof_with(bench, token_secrets=narrow.token_secrets)
    assert proof.state == "proven", bench.shown(proof)
    assert bench.verdict(proof, "token-secrets").detail == TokensNotListed(f"{bench.namespace}/app", bench.namespace)
