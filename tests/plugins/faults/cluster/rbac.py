"""Faults of who may do what in the cluster."""

from faults import AS_READER, NOT_DELIVERED, Fault

GROUP = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "developers"}


def grant(bench, verbs, subject, names=()):
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs} | (
        {"resourceNames": list(names)} if names else {}
    )
    bench.create("role", {"metadata": {"name": "leak"}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leak"}
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
