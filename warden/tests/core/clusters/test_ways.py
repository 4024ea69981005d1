"""By which rights somebody gets at a Secret: each of them is found, and what only looks like one is not."""

import pytest

from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import rbac
from warden.core.clusters.subjects import Subject
from warden.core.clusters.ways import Bound, Grants, Prize, gains

PRIZE = Prize(
    namespace="tenant",
    secret="key",
    reader=Subject("account", "tenant/app"),
    eso=Subject("account", "external-secrets/external-secrets"),
)
ABROAD = Prize(
    namespace="tenant", secret="key", reader=Subject("account", "shared/reader"), eso=Subject("account", "eso/eso")
)
EVE = {"kind": "User", "name": "eve"}
RBAC, ESO, ADMISSION = "rbac.authorization.k8s.io", "external-secrets.io", "admissionregistration.k8s.io"


def rule(verbs, resources, group="", names=()):
    found = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return found | ({"resourceNames": list(names)} if names else {})


def role(name, *rules, namespace=""):
    kind, where = ("Role", {"namespace": namespace}) if namespace else ("ClusterRole", {})
    return {"kind": kind, "metadata": {"name": name} | where, "rules": list(rules)}


def binding(name, to, *subjects, namespace=""):
    kind, where = ("RoleBinding", {"namespace": namespace}) if namespace else ("ClusterRoleBinding", {})
    role_ref = {"kind": "ClusterRole", "name": to}
    return {"kind": kind, "metadata": {"name": name} | where, "roleRef": role_ref, "subjects": list(subjects)}


def found(*rules, namespace="tenant", prize=PRIZE, more=(), roles=(), meant=()):
    """subject -> its ways, where eve has these rules in the namespace; `meant` are those who are meant to."""
    bindings = [binding("leak", "r", EVE, namespace=namespace), *more]
    grants = Grants(rbac([], bindings, [role("r", *rules), *roles]))
    ways = {}
    for each in gains(grants, prize, lambda subject: str(subject) in meant):
        ways.setdefault(str(each.subject), set()).add(each.way)
    return ways


WAYS = [
    (rule("get", "secrets"), "reads"),
    (rule("list", "secrets", names=["key"]), "reads"),
    (rule("patch", "secrets"), "reads"),
    (rule("deletecollection", "secrets"), "reads"),
    (rule("create", "pods"), "runs"),
    (rule("update", "pods"), "runs"),
    (rule("patch", "replicationcontrollers"), "runs"),
    *[(rule("create", each, "apps"), "runs") for each in ("deployments", "statefulsets", "daemonsets", "replicasets")],
    *[(rule("patch", each, "batch"), "runs") for each in ("jobs", "cronjobs")],
    (rule("patch", "deployments", "apps", names=["app"]), "runs"),
    (rule("update", "pods/ephemeralcontainers"), "runs"),
    (rule("create", "pods/exec"), "enters"),
    (rule("get", "pods/exec", names=["one"]), "enters"),
    (rule("create", "pods/attach"), "enters"),
    (rule("create", "*/exec"), "enters"),
    (rule("impersonate", "serviceaccounts"), "impersonates"),
    (rule("impersonate", "serviceaccounts", names=["app"]), "impersonates"),
    (rule("create", "serviceaccounts/token"), "gets-tokens"),
    (rule("create", "serviceaccounts/token", names=["app"]), "gets-tokens"),
    (rule("bind", "roles", RBAC), "grants"),
    (rule("bind", "clusterroles", RBAC), "grants"),
    (rule("bind", "clusterroles", RBAC, names=["reads-secrets"]), "grants"),
    (rule("escalate", "roles", RBAC), "grants"),
    (rule("create", "rolebindings", RBAC), "grants"),
    (rule("patch", "rolebindings", RBAC, names=["one"]), "grants"),
    *[(rule("create", each, ESO), "delivers") for each in ("externalsecrets", "secretstores", "pushsecrets")],
    (rule("patch", "externalsecrets", ESO, names=["another"]), "delivers"),
]
NO_WAYS = [
    rule("update delete create", "secrets"),
    rule("get", "secrets", names=["another"]),
    rule("deletecollection", "secrets", names=["key"]),
    rule("get list watch delete", "pods"),
    rule("create", "pods", names=["one"]),
    rule("create", "pods/portforward"),
    rule("get", "pods/log"),
    rule("create", "deployments"),
    rule("update", "deployments/scale", "apps"),
    rule("impersonate", "serviceaccounts", names=["another"]),
    rule("impersonate", "users groups"),
    rule("create", "serviceaccounts/token", names=["another"]),
    rule("create", "serviceaccounts"),
    rule("bind", "clusterroles", RBAC, names=["views-pods"]),
    rule("bind", "clusterroles", RBAC, names=["not-there"]),
    rule("escalate", "clusterroles", RBAC),
    rule("create", "roles", RBAC),
    rule("get list", "rolebindings", RBAC),
    rule("create", "rolebindings"),
    rule("get list watch delete", "externalsecrets", ESO),
    rule("create", "clusterexternalsecrets", ESO),
    rule("create get", "nodes/proxy"),
]
ROLES = (role("reads-secrets", rule("get", "secrets")), role("views-pods", rule("get", "pods")))


@pytest.mark.parametrize(("given", "way"), WAYS)
def test_a_right_in_the_secrets_namespace_is_a_way_there_and_in_no_other(given, way):
    assert found(given, roles=ROLES) == {"user:eve": {way}}
    assert found(given, roles=ROLES, namespace="other") == {}
    assert found(given, roles=ROLES, namespace="")["user:eve"] >= {way}


@pytest.mark.parametrize("given", NO_WAYS)
def test_another_right_is_none(given):
    assert found(given, roles=ROLES) == {}


@pytest.mark.parametrize(
    ("given", "way"),
    [
        (rule("impersonate", "users"), "impersonates"),
        (rule("impersonate", "groups"), "impersonates"),
        (rule("impersonate", "groups", names=["system:masters"]), "impersonates"),
        (rule("escalate", "clusterroles", RBAC), "grants"),
        (rule("create", "clusterrolebindings", RBAC), "grants"),
        (rule("create", "clusterexternalsecrets", ESO), "delivers"),
        (rule("patch", "clustersecretstores", ESO), "delivers"),
        (rule("create", "clusterpushsecrets", ESO), "delivers"),
        (rule("get", "nodes/proxy"), "calls-nodes"),
        (rule("create", "mutatingwebhookconfigurations", ADMISSION), "admits"),
        (rule("patch", "validatingwebhookconfigurations", ADMISSION, names=["one"]), "admits"),
    ],
)
def test_a_right_on_objects_of_no_namespace_is_a_way_in_the_whole_cluster_alone(given, way):
    reader = binding("by-design", "reads-secrets", {"kind": "User", "name": "chief"})
    ways = found(given, namespace="", roles=ROLES, more=[reader], meant=["user:chief"])
    assert ways == {"user:eve": {way}, "user:chief": {"reads"}}
    assert found(given, roles=ROLES) == {}


def test_to_act_as_somebody_who_may_is_a_way_wherever_that_one_is():
    velero = {"kind": "ServiceAccount", "namespace": "backup", "name": "velero"}
    reader = binding("by-design", "reads-secrets", velero)
    for given in (
        rule("create", "pods"),
        rule("create", "pods/exec"),
        rule("create", "serviceaccounts/token", names=["velero"]),
        rule("impersonate", "serviceaccounts", names=["velero"]),
    ):
        assert "user:eve" in found(given, namespace="backup", roles=ROLES, more=[reader], meant=["backup/velero"])
        # whoever is not meant to is a finding, and what leads to it ends with it
        assert "user:eve" not in found(given, namespace="backup", roles=ROLES, more=[reader])
    chief = binding("by-design", "reads-secrets", {"kind": "User", "name": "chief"})
    given = rule("impersonate", "users", names=["chief"])
    assert "user:eve" in found(given, namespace="", roles=ROLES, more=[chief], meant=["user:chief"])
    assert "user:eve" not in found(given, namespace="", roles=ROLES)


def test_an_administrator_leads_to_further_ones():
    deployer = {"kind": "ServiceAccount", "namespace": "ci", "name": "deployer"}
    runs = [binding("deploys", "runs-pods", deployer, namespace="tenant")]
    given = rule("create", "serviceaccounts/token", names=["deployer"])
    roles = (role("runs-pods", rule("create", "pods")),)
    ways = found(given, namespace="ci", roles=roles, more=runs, meant=["ci/deployer"])
    assert ways == {"user:eve": {"gets-tokens"}, "ci/deployer": {"runs"}}


def test_where_the_reader_is_elsewhere_its_namespace_counts_too():
    for given, way in (
        (rule("create", "serviceaccounts/token", names=["reader"]), "gets-tokens"),
        (rule("create", "pods"), "runs"),
        (rule("create", "rolebindings", RBAC), "grants"),
    ):
        assert found(given, namespace="shared", prize=ABROAD) == {"user:eve": {way}}
    assert found(rule("create", "externalsecrets", ESO), namespace="shared", prize=ABROAD) == {}


def test_each_binding_is_named_with_the_place_of_the_subject_in_it():
    bindings = [binding("one", "r", {"kind": "Group", "name": "g"}, EVE), binding("two", "r", EVE, namespace="tenant")]
    grants = Grants(rbac([], bindings, [role("r", rule("get", "secrets"))]))
    (_, eve) = gains(grants, PRIZE, lambda _: False)
    assert eve.bindings == (
        Bound(Ref("ClusterRoleBinding", "", "one"), 1, "eve"),
        Bound(Ref("RoleBinding", "tenant", "two"), 0, "eve"),
    )
