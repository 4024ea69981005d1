"""RBAC as the API server's own authorizer decides it; the agreement with a real one: `tests/clusters/test_rbac.py`."""

import pytest

from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking, rbac, rule_allows
from warden.core.clusters.subjects import Subject, members_of

GET = Asking("get", "", "secrets", "tenant", "one")
APP = Subject("account", "tenant/app")


def rule(verbs="get", groups="", resources="secrets", **more):
    return {"verbs": verbs.split(), "apiGroups": groups.split(",") if groups != "none" else [], **more} | {
        "resources": resources.split()
    }


@pytest.mark.parametrize(
    ("allowing", "asking", "allowed"),
    [
        (rule(), GET, True),
        (rule("list"), GET, False),
        (rule("*"), GET, True),
        (rule(groups="apps"), GET, False),
        (rule(groups="*"), GET, True),
        (rule(groups="apps,"), GET, True),
        (rule(resources="*"), GET, True),
        (rule(resources="pods"), GET, False),
        (rule(resourceNames=["one"]), GET, True),
        (rule(resourceNames=["two"]), GET, False),
        (rule(resourceNames=["one"]), Asking("get", "", "secrets", "tenant"), False),
        (rule(resourceNames=[]), Asking("get", "", "secrets", "tenant"), True),
        (rule("create", resources="pods", resourceNames=["one"]), Asking("create", "", "pods", "tenant"), False),
        (rule("create", resources="pods/exec"), Asking("create", "", "pods/exec", "tenant", "p"), True),
        (rule("create", resources="pods"), Asking("create", "", "pods/exec", "tenant", "p"), False),
        (rule("create", resources="*/exec"), Asking("create", "", "pods/exec", "tenant", "p"), True),
        (rule("create", resources="*/attach"), Asking("create", "", "pods/exec", "tenant", "p"), False),
        (rule("create", resources="*"), Asking("create", "", "pods/exec", "tenant", "p"), True),
        (rule("get", resources="*/secrets"), GET, False),
        (rule("get", resources="pods/*"), Asking("get", "", "pods/exec", "tenant", "p"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, Asking("get", "", "", path="/metrics"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/api/*"]}, Asking("get", "", "", path="/api/v1"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["/api"]}, Asking("get", "", "", path="/api/v1"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, Asking("get", "", "", path="/x"), True),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, GET, False),
        (rule("*", "*", "*"), Asking("get", "", "", path="/x"), False),
        ({}, GET, False),
    ],
)
def test_a_rule_allows_what_the_authorizer_says_it_does(allowing, asking, allowed):
    assert rule_allows(allowing, asking) is allowed


def cluster(*bindings):
    role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule()]}
    return rbac([{"metadata": {"namespace": "tenant", "name": "app"}}], bindings, [role])


def bound(*subjects, namespace="", to="r"):
    kind, where = ("RoleBinding", {"namespace": namespace}) if namespace else ("ClusterRoleBinding", {})
    metadata = {"name": "b", **where}
    return {"kind": kind, "metadata": metadata, "roleRef": {"kind": "ClusterRole", "name": to}, "subjects": subjects}


def test_a_binding_counts_in_its_namespace_and_one_of_the_cluster_everywhere():
    account = {"kind": "ServiceAccount", "namespace": "tenant", "name": "app"}
    near, far = cluster(bound(account, namespace="tenant")), cluster(bound(account, namespace="other"))
    assert near.allows(APP, GET)
    assert not far.allows(APP, GET)
    assert cluster(bound(account)).granting(APP, GET) == (Ref("ClusterRoleBinding", "", "b"),)
    of_no_namespace = Asking("get", "", "secrets")
    assert not near.allows(APP, of_no_namespace)
    assert cluster(bound(account)).allows(APP, of_no_namespace)


def test_groups_count_for_who_is_in_them_by_itself():
    for group in ("system:serviceaccounts", "system:serviceaccounts:tenant", "system:authenticated"):
        assert cluster(bound({"kind": "Group", "name": group})).allows(APP, GET)
    for group in ("system:serviceaccounts:other", "developers"):
        assert not cluster(bound({"kind": "Group", "name": group})).allows(APP, GET)


def test_an_account_without_a_namespace_is_of_the_bindings_own():
    unqualified = {"kind": "ServiceAccount", "name": "app"}
    assert cluster(bound(unqualified, namespace="tenant")).allows(APP, GET)
    assert [each.subject for each in members_of(bound(unqualified, namespace="other"))] == [
        Subject("account", "other/app")
    ]


def test_masters_may_do_everything_and_a_role_that_is_not_there_gives_nothing():
    assert cluster().allows(Subject("group", "system:masters"), GET)
    assert not cluster(bound({"kind": "User", "name": "eve"}, to="gone")).allows(Subject("user", "eve"), GET)
