"""Faults of a value that is taken, written or kept in a second place of the cluster."""

import base64
import json

from faults import Fault

GROUP, GENERATORS = "external-secrets.io", "generators.external-secrets.io/v1alpha1"


def remote(bench, **more):
    return {"key": bench.lane.custody.key, **more}


def external(bench, name="second", namespace="", **spec):
    """An ExternalSecret beside the lane's, by the lane's store unless another one is named."""
    usual = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": "SecretStore", "name": "openbao-app"},
        "target": {"name": name},
        "data": [{"secretKey": "KEY", "remoteRef": remote(bench, property="API_KEY")}],
    }
    body = {"apiVersion": f"{GROUP}/v1", "kind": "ExternalSecret", "metadata": {"name": name}}
    bench.create("externalsecret", body | {"spec": usual | spec}, namespace=namespace)


def by_the_same_store(bench):
    external(bench)
    bench.until(lambda: bench.handle().admin("GET", bench.url("secret", "second"))[0] == 200)


def by_a_store_of_its_own(bench):
    """In another namespace, by another account: whether OpenBao lets it in is another question."""
    there = bench.another_namespace()
    store = bench.handle().must("GET", bench.url("secretstore", "openbao-app"))
    body = {"apiVersion": store["apiVersion"], "kind": "SecretStore", "metadata": {"name": "own"}}
    vault = dict(store["spec"]["provider"]["vault"], path=None)
    bench.create("secretstore", body | {"spec": {"provider": {"vault": vault}}}, namespace=there)
    key = f"{bench.lane.custody.mount}/{bench.lane.custody.key}"
    by = {"kind": "SecretStore", "name": "own"}
    external(bench, namespace=there, secretStoreRef=by, data=[], dataFrom=[{"extract": {"key": key}}])


def among_others(bench):
    folder = bench.lane.custody.key.rpartition("/")[0]
    external(bench, data=[], dataFrom=[{"find": {"path": folder, "name": {"regexp": ".*secrets$"}}}])


def of_the_whole_cluster(bench):
    where = f"/apis/{GROUP}/v1/clusterexternalsecrets"
    spec = {
        "externalSecretSpec": {
            "secretStoreRef": {"kind": "SecretStore", "name": "openbao-app"},
            "dataFrom": [{"extract": remote(bench)}],
        },
        "namespaceSelectors": [{"matchLabels": {"team": "nobody"}}],
    }
    body = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterExternalSecret", "metadata": {"name": bench.name}}
    bench.afterwards.append(lambda: bench.handle().admin("DELETE", f"{where}/{bench.name}"))
    bench.handle().must("POST", where, body | {"spec": spec})


def open_to_all(bench):
    """A ClusterSecretStore that any namespace may use, as the reader; nobody does yet."""
    where = f"/apis/{GROUP}/v1/clustersecretstores"
    vault = bench.handle().must("GET", bench.url("secretstore", "openbao-app"))["spec"]["provider"]["vault"]
    vault["auth"]["kubernetes"]["serviceAccountRef"]["namespace"] = bench.namespace
    body = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterSecretStore", "metadata": {"name": bench.name}}
    bench.afterwards.append(lambda: bench.handle().admin("DELETE", f"{where}/{bench.name}"))
    bench.handle().must("POST", where, body | {"spec": {"provider": {"vault": vault}}})


def into_the_same_secret(bench):
    """What it takes is another path's, and what it writes is the lane's Secret."""
    other = remote(bench, key="workloads/elsewhere", property="KEY")
    external(
        bench,
        target={"name": bench.name, "creationPolicy": "Merge"},
        data=[{"secretKey": "API_KEY", "remoteRef": other}],
    )


def earlier_template(bench):
    """A ReplicaSet of before has the value in a variable; the Deployment takes the Secret by now."""
    container = {"name": "app", "image": "app", "env": [{"name": "API_KEY", "value": bench.value}]}
    bench.deploy(spec={"containers": [container]})
    taking = {"name": "app", "env": None, "envFrom": [{"secretRef": {"name": bench.name}}]}
    patch = {"spec": {"template": {"spec": {"containers": [taking]}}}}
    where = f"{bench.url('deployment', 'app')}?fieldManager=kubectl-patch"
    bench.handle().must("PATCH", where, patch, "application/strategic-merge-patch+json")
    bench.settle()


def push(bench, source, key, deletion="None"):
    spec = {
        "secretStoreRefs": [{"kind": "SecretStore", "name": "openbao-app"}],
        "deletionPolicy": deletion,
        "selector": {"secret": {"name": source}},
        "data": [{"match": {"secretKey": "API_KEY", "remoteRef": {"remoteKey": key, "property": "API_KEY"}}}],
    }
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "PushSecret", "metadata": {"name": "push"}}
    bench.create("pushsecret", body | {"spec": spec})


def pushed_over(bench):
    push(bench, "some-other", bench.lane.custody.key, "Delete")


def pushed_elsewhere(bench):
    push(bench, bench.name, "workloads/elsewhere")


def generated(bench):
    store = bench.handle().must("GET", bench.url("secretstore", "openbao-app"))
    spec = {"path": bench.data, "method": "GET", "provider": store["spec"]["provider"]["vault"]}
    body = {"apiVersion": GENERATORS, "kind": "VaultDynamicSecret", "metadata": {"name": "generator"}}
    bench.create("vaultdynamicsecret", body | {"spec": spec})


def read_from_the_cluster(bench):
    """A store of provider kubernetes reads the delivered Secret from another namespace."""
    there = bench.another_namespace()
    provider = {
        "remoteNamespace": bench.namespace,
        "auth": {"serviceAccount": {"name": "default"}},
        "server": {"caProvider": {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}},
    }
    body = {"apiVersion": f"{GROUP}/v1", "kind": "SecretStore", "metadata": {"name": "cluster"}}
    bench.create("secretstore", body | {"spec": {"provider": {"kubernetes": provider}}}, namespace=there)
    data = [{"secretKey": "KEY", "remoteRef": {"key": bench.name, "property": "API_KEY"}}]
    external(bench, namespace=there, secretStoreRef={"kind": "SecretStore", "name": "cluster"}, data=data)


def replicated(bench):
    marks = {"reflector.v1.k8s.emberstack.com/reflection-allowed": "true"}
    bench.merge("secret", bench.name, {"metadata": {"annotations": marks}})


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def secret_elsewhere(bench):
    data = {"PASSWORD": encoded(bench.value)}
    bench.create("secret", {"metadata": {"name": "mine"}, "data": data}, namespace=bench.another_namespace())


def secret_among_other_keys(bench):
    registry = {"auths": {"registry.example": {"auth": encoded(f"robot:{bench.value}")}}}
    body = {
        "metadata": {"name": "registry"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": encoded(json.dumps(registry)), "note": encoded("for the registry")},
    }
    bench.create("secret", body, namespace=bench.another_namespace())


def config_map(bench):
    settings = f'listen: 8080\nupstream:\n  api_key: "{bench.value}"\n'
    body = {"metadata": {"name": "settings"}, "data": {"app.yaml": settings, "other": "x"}}
    bench.create("configmap", body, namespace=bench.another_namespace())


def plain_variable(bench):
    bench.deploy()
    container = {"name": "app", "image": "app", "env": [{"name": "API_KEY", "value": bench.value}]}
    template = {"metadata": {"labels": {"by": "cron"}}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    spec = {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": {"template": template}}}
    bench.create("cronjob", {"metadata": {"name": "nightly"}, "spec": spec})


def annotated(kind, name=None):
    def plant(bench):
        bench.merge(kind, name or bench.name, {"metadata": {"annotations": {"debug/key": f"was {bench.value}"}}})

    return plant


def annotated_deployment(bench):
    bench.deploy()
    annotated("deployment", "app")(bench)


TAKEN, COPIES = "taken-elsewhere", "copies"
FAULTS = [
    Fault("copy", "a second ExternalSecret delivers it under another name", by_the_same_store, f"{TAKEN} {COPIES}"),
    Fault("copy", "an ExternalSecret of another namespace, by a store of its own", by_a_store_of_its_own, TAKEN),
    Fault("copy", "an ExternalSecret finds it among others", among_others, TAKEN, mends=False),
    Fault("copy", "a ClusterExternalSecret takes it into many namespaces", of_the_whole_cluster, TAKEN),
    Fault("copy", "a store of the whole cluster logs in as its reader", open_to_all, TAKEN),
    Fault("copy", "another ExternalSecret writes into the same Secret", into_the_same_secret, TAKEN),
    Fault("copy", "a PushSecret overwrites it in OpenBao", pushed_over, TAKEN),
    Fault("copy", "a PushSecret exports the delivered Secret", pushed_elsewhere, TAKEN),
    Fault("copy", "a generator reads its path", generated, TAKEN),
    Fault("copy", "a store of another namespace reads the delivered Secret", read_from_the_cluster, TAKEN),
    Fault("copy", "a controller replicates the Secret", replicated, TAKEN),
    Fault("copy", "a Secret of another name and namespace holds it", secret_elsewhere, COPIES),
    Fault("copy", "a registry's credential of another namespace holds it", secret_among_other_keys, COPIES),
    Fault("copy", "a ConfigMap holds it inside a file", config_map, COPIES),
    Fault("copy", "a CronJob has it as a plain variable", plain_variable, COPIES, mends=False),
    Fault("copy", "the ReplicaSet of an earlier template has it as a plain variable", earlier_template, COPIES),
    Fault("copy", "an annotation of the reader's account", annotated("serviceaccount", "app"), COPIES),
    Fault("copy", "an annotation of the ExternalSecret", annotated("externalsecret"), COPIES),
    Fault("copy", "an annotation of the Deployment", annotated_deployment, COPIES),
]
