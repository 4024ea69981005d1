"""Faults of what is empty rather than absent, and of objects that are being deleted."""

import msgspec

from faults import NOT_DELIVERED, Fault

HELD = {"metadata": {"finalizers": ["held.example/here"]}}
WIDE = "/apis/external-secrets.io/v1/clustersecretstores"


def conditions(change):
    """The lane is delivered by a ClusterSecretStore, whose conditions somebody changes."""

    def plant(bench):
        delivery = msgspec.structs.replace(
            bench.lane.deliveries["coulombcore"], store=f"ClusterSecretStore/{bench.name}"
        )
        bench.change(deliveries={"coulombcore": delivery})
        bench.apply()
        bench.afterwards.append(lambda: bench.handle().admin("DELETE", f"{WIDE}/{bench.name}"))
        bench.synced()
        where = f"{WIDE}/{bench.name}?fieldManager=kubectl-edit"
        store = bench.handle().must("GET", where)
        store["spec"]["conditions"] = change(store["spec"]["conditions"])
        bench.handle().must("PUT", where, store)

    return plant


def held(kind, name=None):
    """Somebody deletes an object, and a finalizer of somebody else keeps it."""

    def plant(bench):
        which = name or bench.name
        bench.merge(kind, which, HELD)
        where = bench.url(kind, which)
        free = {"metadata": {"finalizers": None}}
        bench.afterwards.append(lambda: bench.handle().admin("PATCH", where, free, "application/merge-patch+json"))
        bench.handle().must("DELETE", where)

    return plant


FAULTS = [
    Fault(
        "store",
        "an empty namespaceSelector beside its namespaces opens it to all of them",
        conditions(lambda found: [found[0] | {"namespaceSelector": {}}]),
        "clustersecretstore",
    ),
    Fault("store", "its conditions are an empty list", conditions(lambda _: []), "clustersecretstore"),
    Fault(
        "store",
        "a condition of a pattern that any namespace fits",
        conditions(lambda found: [*found, {"namespaceRegexes": [""]}]),
        "clustersecretstore",
    ),
    Fault(
        "RBAC",
        "the reader's account, which warden made, mounts its token everywhere",
        lambda b: b.merge("serviceaccount", "app", {"automountServiceAccountToken": True}),
        "serviceaccount",
    ),
    Fault("Secret", "is being deleted, held by a finalizer", held("secret"), "secret"),
    Fault(
        "ExternalSecret",
        "is being deleted, held by a finalizer",
        held("externalsecret"),
        "externalsecret",
        f"synced {NOT_DELIVERED}",
        silent=True,
    ),
    Fault("store", "is being deleted, held by a finalizer", held("secretstore", "openbao-app"), "secretstore"),
    Fault(
        "RBAC",
        "the binding is being deleted, held by a finalizer",
        held("rolebinding", "openbao-token-app"),
        "rolebinding",
    ),
]
