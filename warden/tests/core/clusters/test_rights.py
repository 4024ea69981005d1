"""Rights of two subjects stand beside each other: no binding of one has the name of one of the other's."""

import itertools
import re

import pytest

from warden.core.clusters.rights import cluster_rights
from warden.core.clusters.subjects import Subject, subject_named
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery

SUBJECTS = [
    *("warden/warden", "ops/warden", "warden/ops", "user/eve", "group/eve"),
    *("user:eve", "group:eve", "user:warden:warden", "user:team/eve", "user:team:eve", "group:team/eve"),
    *("user:https://login.example#7", "user:arn:aws:iam::1:role/eve", "user:a%2Fb", "user:a/b", "user:Eve", "user:é"),
]


@pytest.fixture
def bindings(lane_of):
    """Kind, namespace and name of each binding that a subject gets."""

    def of(to):
        lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/first", store="ClusterSecretStore/wide")})
        found = cluster_rights(target(lane, "here", {"here": DeclaredCluster(context="c")}), "prove", to)
        metadata = [(each["kind"], each["metadata"]) for each in found if each["kind"].endswith("Binding")]
        return [(kind, each.get("namespace", ""), each["name"]) for kind, each in metadata]

    return of


def test_no_binding_of_one_subject_replaces_one_of_another(bindings):
    given = {text: set(bindings(subject_named(text))) for text in SUBJECTS}
    assert all(("ClusterRoleBinding" in kind) for kind, _, _ in sorted(given["warden/warden"])[:2])
    for one, other in itertools.combinations(SUBJECTS, 2):
        assert not given[one] & given[other], (one, other)


@pytest.mark.parametrize("text", SUBJECTS)
def test_each_name_is_one_that_kubernetes_takes(bindings, text):
    """A name of RBAC is any path segment (Kubernetes, *Object Names and IDs*): no slash, no percent sign."""
    for _, _, name in bindings(subject_named(text)):
        assert re.fullmatch(r"[A-Za-z0-9.:@_-]+", name)


def test_a_usual_subject_is_to_be_read_in_the_name(bindings):
    assert bindings(Subject("account", "ops/warden"))[0][2] == "warden-prove:ops:warden"
    assert bindings(Subject("user", "eve@example.org"))[0][2] == "warden-prove:user:eve@example.org"
