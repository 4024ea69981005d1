"""Who is there, whom a binding is for, and who is meant to get at a Secret."""

import pytest

from warden.core.clusters.exposure import administers, expected
from warden.core.clusters.rbac import rbac
from warden.core.clusters.subjects import Member, Subject, members_of, subject_named, subject_of
from warden.core.lanes.delivery_target import DeclaredCluster

ACCOUNT = Subject("account", "tenant/app")
HERE = DeclaredCluster(context="ctx", may_read_secrets=("group:admins", "user:root", "backup/velero"))
NOBODY = Subject("user", "nobody")
READ = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}


def account(name):
    namespace, _, own = name.partition("/")
    return {"metadata": {"namespace": namespace, "name": own}}


def role(name, *rules, namespace=""):
    kind = "Role" if namespace else "ClusterRole"
    return {"kind": kind, "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}), "rules": rules}


def binding(name, to, *subjects, namespace="", of="ClusterRole"):
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"kind": kind, "metadata": metadata, "roleRef": {"kind": of, "name": to}, "subjects": list(subjects)}


GROUP = {"kind": "Group", "name": "devs"}
USER = {"kind": "User", "name": "eve"}
APP = {"kind": "ServiceAccount", "namespace": "tenant", "name": "app"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user:eve", Subject("user", "eve")),
        ("user:system:admin", Subject("user", "system:admin")),
        ("group:devs", Subject("group", "devs")),
        ("tenant/app", ACCOUNT),
        ("eve", None),
        ("user:", None),
        ("robot:eve", None),
        ("tenant/", None),
        ("/app", None),
        ("a/b/c", None),
        ("", None),
    ],
)
def test_a_subject_as_it_is_written(text, found):
    assert subject_named(text) == found
    assert found is None or str(found) == text


def test_a_subject_as_the_api_server_knows_it():
    assert ACCOUNT.user == "system:serviceaccount:tenant:app"
    assert subject_of(ACCOUNT.user) == ACCOUNT
    assert subject_of("eve") == Subject("user", "eve")
    assert (Subject("user", "eve").user, Subject("group", "devs").user) == ("eve", "")


def test_the_groups_that_somebody_is_in_by_itself():
    assert set(ACCOUNT.groups) == {
        "system:serviceaccounts",
        "system:serviceaccounts:tenant",
        "system:authenticated",
    }
    assert Subject("user", "eve").groups == ("system:authenticated",)
    assert Subject("group", "devs").groups == ("devs",)


def test_everybody_is_asked_about_who_has_an_account_or_a_binding_that_reaches_there():
    found = rbac(
        [account("tenant/app"), account("other/job")],
        [
            binding("wide", "view", GROUP),
            binding("near", "view", USER, namespace="tenant"),
            binding("far", "view", USER | {"name": "mallory"}, namespace="other"),
        ],
        [],
    )
    assert {str(each) for each in found.subjects("tenant")} == {"tenant/app", "other/job", "group:devs", "user:eve"}
    assert {str(each) for each in found.subjects("other")} == {"tenant/app", "other/job", "group:devs", "user:mallory"}


def test_an_account_that_is_bound_and_not_there_is_asked_about_too():
    """Whoever may make accounts could make it."""
    found = rbac([], [binding("b", "view", APP | {"name": "gone"}, namespace="tenant")], [])
    assert [str(each) for each in found.subjects("tenant")] == ["tenant/gone"]


def test_an_account_that_is_named_by_its_user_name_is_the_account():
    user = "system:serviceaccount:tenant:app"
    assert list(members_of(binding("b", "view", {"kind": "User", "name": user}))) == [Member(0, user, ACCOUNT)]


def test_accounts_of_one_namespace_that_no_binding_names_are_alike_and_nobody_else_is():
    names = ("tenant/app", "tenant/job", "tenant/own", "tenant/user", "other/app", "other/job")
    by_user_name = {"kind": "User", "name": "system:serviceaccount:tenant:user"}
    found = rbac(
        [account(each) for each in names],
        [
            binding("own", "r", APP | {"name": "own"}, by_user_name, namespace="elsewhere"),
            binding("all", "r", GROUP, USER, {"kind": "Group", "name": "system:serviceaccounts:tenant"}),
        ],
        [],
    )
    groups = {frozenset(map(str, group)) for group in found.alike(found.subjects("tenant"))}
    assert groups == {
        frozenset({"tenant/app", "tenant/job"}),
        frozenset({"tenant/own"}),
        frozenset({"tenant/user"}),
        frozenset({"other/app", "other/job"}),
        frozenset({"group:devs"}),
        frozenset({"user:eve"}),
        frozenset({"group:system:serviceaccounts:tenant"}),
    }


def test_subjects_of_a_kind_that_nobody_knows_are_passed_over_and_keep_their_place():
    assert list(members_of({"subjects": [{"kind": "Robot", "name": "r"}, GROUP]})) == [
        Member(1, "devs", Subject("group", "devs"))
    ]
    assert list(members_of({"subjects": None})) == []


def test_administrators_are_those_that_are_declared():
    declared = DeclaredCluster(context="ctx", may_administer=("ci/deployer",))
    assert administers(Subject("account", "ci/deployer"), declared)
    assert not administers(Subject("account", "ci/other"), declared)


CONTROLLER = {"kind": "ServiceAccount", "namespace": "kube-system", "name": "job-controller"}


@pytest.mark.parametrize(
    "subject",
    [
        "group:system:masters",
        "group:system:nodes",
        "group:kubeadm:cluster-admins",
        "user:system:kube-controller-manager",
        "external-secrets/external-secrets",
        "user:caller",
        "group:admins",
        "user:root",
        "backup/velero",
        "kube-system/job-controller",
    ],
)
def test_who_is_meant_to_read(subject):
    there = rbac([], [binding("system:controller:job-controller", "c", CONTROLLER)], [])
    assert expected(subject_named(subject), HERE, Subject("user", "caller"), there)


@pytest.mark.parametrize(
    "subject",
    [
        "group:devs",
        "user:admins",
        "group:root",
        "user:velero",
        "tenant/app",
        "external-secrets/other",
        "tenant/external-secrets",
        "kube-system/unbound",
        "kube-system/mixed",
        "kube-system/backup",
        "kube-system/cronjob-controller",
        "tenant/job-controller",
        "group:system:authenticated",
        "user:system:kube-scheduler",
    ],
)
def test_everybody_else_is_a_finding(subject):
    bound = [{"kind": "ServiceAccount", "namespace": each, "name": "job-controller"} for each in ("tenant",)]
    mixed = {"kind": "ServiceAccount", "namespace": "kube-system", "name": "mixed"}
    there = rbac(
        [],
        [
            binding("system:controller:job-controller", "c", *bound),
            binding("system:controller:mixed", "c", mixed),
            binding("more", "c", mixed),
            binding("system:controller:backup", "c", {**mixed, "name": "backup"}),
            binding("system:controller:backup", "c", {**mixed, "name": "cronjob-controller"}),
        ],
        [],
    )
    assert not expected(subject_named(subject), HERE, Subject("user", "caller"), there)
