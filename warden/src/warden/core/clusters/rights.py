"""What warden needs to be allowed in a cluster, as the Kubernetes roles that a cluster's administrator gives it.

``prove`` looks, asks for a refresh and for tokens to probe with (``prove``, ``plan``, ``status``, ``sync``); ``apply``
also makes the delivery's objects and takes a Secret over (``apply``, ``adopt``); ``deactivate`` removes them and stops
consumers (``deactivate``, ``compromise``; ``reactivate`` needs all three); ``copies`` may be given besides, for
``prove`` to look for copies of a value in everything that is there. What can be narrowed to single objects
is, ``create`` as well: warden creates by server-side apply, whose request names the object (Kubernetes RBAC says that
a plain create cannot be narrowed). A patch of an ExternalSecret may change its spec.

RBAC lets nobody give what they do not have: the right to the reader's tokens is in both, since ``apply`` gives it on.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from warden.core.clusters.manifests import API, MANAGED_BY, Manifest, Ref, store_of, strangers
from warden.core.clusters.rbac import Asking
from warden.core.clusters.subjects import Subject
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import PROBE_ACCOUNT

Scope = Literal["prove", "apply", "deactivate", "copies"]
ESO, RBAC = "external-secrets.io", "rbac.authorization.k8s.io"
GENERATORS = "generators.external-secrets.io"


def askings(target: DeliveryTarget, scope: Scope) -> tuple[Asking, ...]:
    """Every single right that `cluster_rights` gives, to ask the cluster with (SelfSubjectAccessReview)."""
    nobody = Subject("group", "nobody")
    roles = [each for each in _rights(target, scope, nobody) if each["kind"] in {"Role", "ClusterRole"}]
    return tuple(
        Asking(verb, rule["apiGroups"][0], resource, role["metadata"].get("namespace", ""), name)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames") or ("",)
    )


def cluster_rights(target: DeliveryTarget, scope: Scope, to: Subject) -> tuple[Manifest, ...]:
    """Roles and bindings for one lane in one cluster; apply them as an administrator of it."""
    return tuple(_rights(target, scope, to))


def _rights(target: DeliveryTarget, scope: Scope, to: Subject) -> Iterator[Manifest]:
    if scope == "copies":
        yield from _granted("ClusterRole", "warden-copies", "", copies_rules(), to)
        return
    if scope == "deactivate":
        yield from _closing(target, to)
        return
    yield from _granted("ClusterRole", f"warden-{scope}", "", cluster_rules(), to)
    name = f"warden-{scope}-{target.lane.id}"
    store = store_of(target)
    if store.kind == "ClusterSecretStore":
        yield from _granted("ClusterRole", name, "", _store_rules(store, scope), to)
    home = target.reader.workload.namespace
    rules = {target.namespace: secret_rules(target, scope)}
    rules[home] = [*rules.get(home, []), *_reader_rules(target, scope)]
    rules[PROBE_ACCOUNT] = _stranger_rules(target, scope, PROBE_ACCOUNT)
    # In a new cluster the roles below would find no namespace to be in.
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROBE_ACCOUNT, "labels": dict(MANAGED_BY)}}
    for namespace, each in rules.items():
        yield from _granted("Role", name, namespace, each, to)


def _closing(target: DeliveryTarget, to: Subject) -> Iterator[Manifest]:
    name, home = f"warden-deactivate-{target.lane.id}", target.reader.workload
    rules = {target.namespace: closing_rules(target)}
    played = _rule("", "serviceaccounts/token", "create", [home.account])
    rules[home.namespace] = [*rules.get(home.namespace, []), played]
    for namespace, each in rules.items():
        yield from _granted("Role", name, namespace, each, to)


def closing_rules(target: DeliveryTarget) -> list[dict[str, Any]]:
    """In the Secret's namespace: the Secret and its ExternalSecret by name, and the consumers that are stopped."""
    found = [
        _rule("", "secrets", "get delete", [target.secret]),
        _rule(ESO, "externalsecrets", "get delete", [target.secret]),
    ]
    deployments = _deployments(target)
    if deployments:
        found += [_rule("", "pods", "list"), _rule("apps", "deployments", "get patch", deployments)]
    return found


def _deployments(target: DeliveryTarget) -> list[str]:
    return [name.partition("/")[2] for name in (each.deployment for each in target.lane.consumers)]


def cluster_rules() -> list[dict[str, Any]]:
    """What cannot be given in one namespace: who is there, and who may what."""
    return [
        _rule("", "namespaces", "get"),
        _rule("", "serviceaccounts", "get list"),
        _rule(RBAC, "roles rolebindings", "get list"),
        _rule(RBAC, "clusterroles clusterrolebindings", "list"),
        _rule("authorization.k8s.io", "subjectaccessreviews", "create"),
        _rule(ESO, _OPERATORS, "list"),
        _rule(GENERATORS, "vaultdynamicsecrets clustergenerators", "list"),
    ]


_OPERATORS = "secretstores clustersecretstores externalsecrets clusterexternalsecrets pushsecrets clusterpushsecrets"


def copies_rules() -> list[dict[str, Any]]:
    """What may hold a copy of a value. To list Secrets shows all of them, so it is a role of its own."""
    return [
        _rule("", "secrets configmaps pods", "list"),
        _rule("apps", "deployments statefulsets daemonsets replicasets", "list"),
        _rule("batch", "jobs cronjobs", "list"),
    ]


def _store_rules(store: Ref, scope: Scope) -> list[dict[str, Any]]:
    resource = f"{store.kind.lower()}s"
    return [_rule(ESO, resource, "get create patch" if scope == "apply" else "get", [store.name])]


def secret_rules(target: DeliveryTarget, scope: Scope) -> list[dict[str, Any]]:
    """In the Secret's namespace: the Secret and its ExternalSecret by name, consumers and what controllers said."""
    deployments = _deployments(target)
    store = store_of(target)
    more = scope == "apply"
    found = [
        _rule("", "secrets", "get patch" if more else "get", [target.secret]),
        _rule(ESO, "externalsecrets", "get create patch" if more else "get patch", [target.secret]),
        _rule("", "events", "list"),
    ]
    found += _store_rules(store, scope) if store.kind == "SecretStore" else []
    if deployments:
        found += [
            _rule("", "pods", "list"),
            _rule("", "configmaps", "get"),
            _rule("apps", "deployments", "get patch" if more else "get", deployments),
        ]
    return found


def _reader_rules(target: DeliveryTarget, scope: Scope) -> list[dict[str, Any]]:
    home = target.reader.workload
    found = [_rule("", "serviceaccounts/token", "create", [home.account])]
    found += _stranger_rules(target, scope, home.namespace)
    if scope == "apply" and home != target.declared.eso:
        found += [
            _rule("", "serviceaccounts", "create patch", [home.account]),
            _rule(RBAC, "roles rolebindings", "create patch", [f"openbao-token-{home.account}"]),
        ]
    return found


def _stranger_rules(target: DeliveryTarget, scope: Scope, namespace: str) -> list[dict[str, Any]]:
    names = [each.account for each in strangers(target.reader) if each.namespace == namespace]
    found = [_rule("", "serviceaccounts/token", "create", names)]
    return found + ([_rule("", "serviceaccounts", "create patch", names)] if scope == "apply" else [])


def _rule(group: str, resources: str, verbs: str, names: Sequence[str] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return rule | ({"resourceNames": list(names)} if names else {})


def _granted(kind: str, name: str, namespace: str, rules: Sequence[dict[str, Any]], to: Subject) -> Iterator[Manifest]:
    """A role, and a binding of a name that is the subject's: rights for a second one take nothing from the first."""
    metadata: dict[str, Any] = {"name": name, "labels": dict(MANAGED_BY)}
    metadata |= {"namespace": namespace} if namespace else {}
    yield {"apiVersion": API["Role"], "kind": kind, "metadata": metadata, "rules": list(rules)}
    yield {
        "apiVersion": API["Role"],
        "kind": f"{kind}Binding",
        "metadata": metadata | {"name": f"{name}:{_named(to)}"},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [_subject(to)],
    }


def _named(to: Subject) -> str:
    """The subject as a part of an object's name.

    Where that cannot be written so that it is told from every other one, with the beginning of its digest: a name of
    RBAC has no slash and no percent sign (Kubernetes, *Object Names and IDs*).
    """
    written = re.sub(r"[^A-Za-z0-9.:@_-]", ":", str(to))
    told_apart = not to.name.startswith(("user/", "group/")) if to.kind == "account" else written == str(to)
    return written if told_apart else f"{written}:{hashlib.sha256(str(to).encode()).hexdigest()[:8]}"


def _subject(to: Subject) -> dict[str, str]:
    if to.kind == "account":
        namespace, _, account = to.name.partition("/")
        return {"kind": "ServiceAccount", "namespace": namespace, "name": account}
    return {"apiGroup": RBAC, "kind": to.kind.capitalize(), "name": to.name}
