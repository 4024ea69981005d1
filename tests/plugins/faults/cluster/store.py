"""Faults of the SecretStore and of the ExternalSecret."""

from faults import NOT_DELIVERED, Fault


def spec(kind, name=None, **changed):
    return lambda bench: bench.merge(kind, name or bench.name, {"spec": changed})


def store(**changed):
    """Merge into the store's provider, and wait until the operator knows of it."""

    def plant(bench):
        bench.merge("secretstore", "openbao-app", {"spec": {"provider": {"vault": changed}}})
        bench.refreshed("failed")

    return plant


def store_login(**changed):
    return store(auth={"kubernetes": changed})


def no_authorities(bench):
    bench.edit("secretstore", "openbao-app", lambda found: found["spec"]["provider"]["vault"].pop("caBundle"))


def no_store(bench):
    bench.remove("secretstore", "openbao-app")
    bench.refreshed("failed")


def no_external_secret(bench):
    bench.remove("externalsecret", bench.name)
    bench.collected()


def orphan(bench):
    """The ExternalSecret goes, and the Secret stays behind with the last value."""
    bench.merge("externalsecret", bench.name, {"spec": {"target": {"creationPolicy": "Orphan"}}})
    bench.until(lambda: "ownerReferences" not in bench.live_secret()["metadata"])
    bench.remove("externalsecret", bench.name)


def merge_without_secret(bench):
    bench.merge("externalsecret", bench.name, {"spec": {"target": {"creationPolicy": "Merge"}}})
    bench.until(lambda: "ownerReferences" not in bench.live_secret()["metadata"])
    bench.remove("secret", bench.name)


def another_property(bench):
    def change(found):
        found["spec"]["data"][0]["remoteRef"]["property"] = "API_KEY_OLD"

    bench.edit("externalsecret", bench.name, change)


def another_path_too(bench):
    def change(found):
        more = dict(found["spec"]["data"][0], secretKey="MORE")
        found["spec"]["data"].append(more)

    bench.edit("externalsecret", bench.name, change)


def second_external_secret(bench):
    """Somebody else's ExternalSecret takes the same Secret first."""
    first = bench.handle().must("GET", bench.url("externalsecret", bench.name))
    no_external_secret(bench)
    body = {"apiVersion": first["apiVersion"], "kind": "ExternalSecret", "metadata": {"name": "another"}}
    bench.create("externalsecret", body | {"spec": first["spec"]})
    bench.until(bench.delivered)
    again = {"name": bench.name, **{key: first["metadata"][key] for key in ("labels", "annotations")}}
    bench.create("externalsecret", body | {"metadata": again, "spec": first["spec"]})


FAULTS = [
    Fault("store", "deleted", no_store, "secretstore synced", NOT_DELIVERED),
    Fault("store", "logs in by another role", store_login(role="nobodys-role"), "secretstore synced", NOT_DELIVERED),
    Fault("store", "logs in at another mount", store_login(mountPath="elsewhere"), "secretstore synced", NOT_DELIVERED),
    Fault(
        "store",
        "logs in as another account",
        store_login(serviceAccountRef={"name": "default"}),
        "secretstore synced",
        NOT_DELIVERED,
    ),
    Fault(
        "store",
        "tokens for another audience",
        store_login(serviceAccountRef={"audiences": ["other"]}),
        "secretstore synced",
        NOT_DELIVERED,
    ),
    Fault("store", "asks another server", store(server="https://127.0.0.1:9"), "secretstore synced", NOT_DELIVERED),
    Fault("store", "does not know OpenBao's authorities", no_authorities, "secretstore"),
    Fault(
        "store",
        "is meant for another controller",
        spec("secretstore", "openbao-app", controller="other"),
        "secretstore",
        f"synced {NOT_DELIVERED}",
        silent=True,
    ),
    Fault("store", "another KV mount", store(path="elsewhere"), "secretstore synced", NOT_DELIVERED),
    Fault(
        "ExternalSecret",
        "deleted, and the Secret with it",
        no_external_secret,
        "externalsecret synced secret",
        f"copies {NOT_DELIVERED}",
    ),
    Fault("ExternalSecret", "deleted, while the Secret stays", orphan, "externalsecret synced secret", NOT_DELIVERED),
    Fault(
        "ExternalSecret",
        "Merge without a Secret, which says Ready",
        merge_without_secret,
        "externalsecret secret",
        "copies value",
    ),
    Fault(
        "ExternalSecret",
        "never refreshes by itself",
        spec("externalsecret", refreshInterval="0s"),
        "externalsecret",
        f"synced {NOT_DELIVERED}",
        silent=True,
    ),
    Fault("ExternalSecret", "reads another property", another_property, "externalsecret synced", "value"),
    Fault("ExternalSecret", "delivers a key more", another_path_too, "externalsecret secret"),
    Fault(
        "ExternalSecret",
        "uses a store that is not there",
        spec("externalsecret", secretStoreRef={"name": "no-such-store"}),
        "externalsecret synced",
        NOT_DELIVERED,
    ),
    Fault(
        "ExternalSecret",
        "a second one owns the Secret",
        second_external_secret,
        "synced secret taken-elsewhere",
        "value",
    ),
]
