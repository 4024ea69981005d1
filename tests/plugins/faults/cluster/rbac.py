"""Faults of who may do what in the cluster."""

from faults import AS_READER, NOT_DELIVERED, Fault

RBAC, ESO, ADMISSION = "rbac.authorization.k8s.io", "external-secrets.io", "admissionregistration.k8s.io"
WEBHOOKS = "mutatingwebhookconfigurations"
GROUP = {"apiGroup": RBAC, "kind": "Group", "name": "developers"}
EVE = GROUP | {"kind": "User", "name": "eve"}


def grant(bench, verbs, subject, names=()):
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs} | (
        {"resourceNames": list(names)} if names else {}
    )
    bench.create("role", {"metadata": {"name": "leak"}, "rules": [rule]})
    reference = {"apiGroup": RBAC, "kind": "Role", "name": "leak"}
    bench.create("rolebinding", {"metadata": {"name": "leak"}, "roleRef": reference, "subjects": [subject]})
    user = f"system:serviceaccount:{bench.namespace}:default" if subject["kind"] == "ServiceAccount" else "eve"
    granted(bench, verbs[0], user, [subject["name"]] if subject["kind"] == "Group" else [], *names)


def granted(bench, verb, user, groups, name=""):
    """Wait until the API server knows of it: its roles are read from a cache."""
    asked = {"verb": verb, "resource": "secrets", "namespace": bench.namespace, "name": name}
    bench.until(lambda: bench.may(user, groups, **asked))


def a_group_reads_all(bench):
    grant(bench, ["get", "list"], GROUP)


def a_user_watches(bench):
    grant(bench, ["watch"], GROUP | {"kind": "User", "name": "eve"})


def an_account_reads_this_one(bench):
    account = {"kind": "ServiceAccount", "name": "default", "namespace": bench.namespace}
    grant(bench, ["get"], account, [bench.name])


def everybody_views(bench):
    body = {
        "metadata": {"name": "admins"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [GROUP | {"name": "system:authenticated"}],
    }
    bench.create("rolebinding", body)
    granted(bench, "get", "eve", [])


def may(verbs, resource, group="", names=(), subject=EVE):
    """Somebody gets a right in the lane's namespace."""

    def plant(bench):
        rule = {"apiGroups": [group], "resources": [resource], "verbs": [verbs]}
        rule |= {"resourceNames": list(names)} if names else {}
        bench.create("role", {"metadata": {"name": "way-in"}, "rules": [rule]})
        reference = {"apiGroup": RBAC, "kind": "Role", "name": "way-in"}
        bench.create("rolebinding", {"metadata": {"name": "way-in"}, "roleRef": reference, "subjects": [subject]})
        in_force(bench, subject, {"namespace": bench.namespace, "name": "".join(names)} | asked(verbs, resource, group))

    return plant


def may_in_the_cluster(verb, resource, group=""):
    """A user gets a right on objects of no namespace, until the bench is tidied."""

    def plant(bench):
        rule = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        bench.whole_cluster("clusterroles", {"metadata": {"name": bench.name}, "rules": [rule]})
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": bench.name}
        body = {"metadata": {"name": bench.name}, "roleRef": reference, "subjects": [EVE]}
        bench.whole_cluster("clusterrolebindings", body)
        in_force(bench, EVE, asked(verb, resource, group))

    return plant


def asked(verb, resource, group):
    plural, _, part = resource.partition("/")
    return {"verb": verb, "group": group, "resource": plural, "subresource": part}


def in_force(bench, subject, attributes):
    """Wait until the API server knows of it: its roles are read from a cache."""
    groups = [subject["name"]] if subject["kind"] == "Group" else []
    bench.until(lambda: bench.may("eve", groups, **attributes))


def called_like_a_controller(bench):
    """An account of kube-system reads every Secret, by a binding that is called as those of Kubernetes' own are."""
    named = {"name": f"system:controller:{bench.name}"}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    account = {"kind": "ServiceAccount", "namespace": "kube-system", "name": bench.name}
    bench.whole_cluster("clusterrolebindings", {"metadata": named, "roleRef": reference, "subjects": [account]})
    user = f"system:serviceaccount:kube-system:{bench.name}"
    bench.until(lambda: bench.may(user, verb="get", resource="secrets", namespace=bench.namespace))


def token_that_never_ends(bench):
    metadata = {"name": "app-token", "annotations": {"kubernetes.io/service-account.name": "app"}}
    bench.create("secret", {"type": "kubernetes.io/service-account-token", "metadata": metadata})


def no_right_to_tokens(bench):
    bench.remove("rolebinding", "openbao-token-app")


def right_to_all_tokens(bench):
    bench.edit("role", "openbao-token-app", lambda found: found["rules"][0].pop("resourceNames"))


def account_made_anew(bench):
    """Deleted and made again: the same name, another account."""
    bench.remove("serviceaccount", "app")


def bound_to_another_role(bench):
    """A binding's role cannot be changed: somebody made it anew."""
    found = bench.handle().must("GET", bench.url("rolebinding", "openbao-token-app"))
    bench.remove("rolebinding", "openbao-token-app")
    kept = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    view = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:discovery"}
    bench.create("rolebinding", {"metadata": kept, "subjects": found["subjects"], "roleRef": view})


FAULTS = [
    Fault("RBAC", "a group lists the namespace's Secrets", a_group_reads_all, "exposure"),
    Fault("RBAC", "a user watches them", a_user_watches, "exposure"),
    Fault("RBAC", "another account reads this one Secret by name", an_account_reads_this_one, "exposure"),
    Fault("RBAC", "everybody who logs in is admin of the namespace", everybody_views, "exposure"),
    Fault("RBAC", "a user patches them, whose answer shows them", may("patch", "secrets"), "exposure"),
    Fault("RBAC", "a user deletes them all, whose answer shows them", may("deletecollection", "secrets"), "exposure"),
    Fault("RBAC", "a binding is called like a controller's of Kubernetes", called_like_a_controller, "exposure"),
    Fault("RBAC", "a group runs pods beside it", may("create", "pods", subject=GROUP), "indirect"),
    Fault("RBAC", "a user changes the consumer's Deployment", may("patch", "deployments", "apps", ["app"]), "indirect"),
    Fault("RBAC", "a user makes CronJobs", may("create", "cronjobs", "batch"), "indirect"),
    Fault("RBAC", "a user adds containers to running pods", may("patch", "pods/ephemeralcontainers"), "indirect"),
    Fault("RBAC", "a user enters pods", may("create", "pods/exec"), "indirect"),
    Fault("RBAC", "a user attaches to pods", may("get", "pods/attach"), "indirect"),
    Fault("RBAC", "a user impersonates the namespace's accounts", may("impersonate", "serviceaccounts"), "indirect"),
    Fault("RBAC", "a user impersonates any user", may_in_the_cluster("impersonate", "users"), "indirect"),
    Fault("RBAC", "a user binds any role in the namespace", may("bind", "clusterroles", RBAC), "indirect"),
    Fault("RBAC", "a user gives roles more than they have", may("escalate", "roles", RBAC), "indirect"),
    Fault("RBAC", "a user makes bindings", may("create", "rolebindings", RBAC), "indirect"),
    Fault("RBAC", "a user has further copies delivered", may("create", "externalsecrets", ESO), "indirect"),
    Fault("RBAC", "a user redirects the store", may("patch", "secretstores", ESO, ["openbao-app"]), "indirect"),
    Fault("RBAC", "a user pushes it elsewhere", may("create", "pushsecrets", ESO), "indirect"),
    Fault("RBAC", "a user calls nodes past the API server", may_in_the_cluster("get", "nodes/proxy"), "indirect"),
    Fault("RBAC", "a user is shown what is written", may_in_the_cluster("create", WEBHOOKS, ADMISSION), "indirect"),
    Fault(
        "token", "a user makes tokens of the reader", may("create", "serviceaccounts/token", names=["app"]), "indirect"
    ),
    Fault("token", "a Secret holds a token of the reader that never ends", token_that_never_ends, "token-secrets"),
    Fault("RBAC", "the operator's right to the account's tokens is gone", no_right_to_tokens, "rolebinding"),
    Fault("RBAC", "that right is bound to another role", bound_to_another_role, "rolebinding"),
    Fault("RBAC", "that right is for every account of the namespace", right_to_all_tokens, "role"),
    Fault(
        "RBAC",
        "the reader's account is deleted",
        account_made_anew,
        "serviceaccount synced",
        f"reads {AS_READER} other-audience {NOT_DELIVERED}",
    ),
]
