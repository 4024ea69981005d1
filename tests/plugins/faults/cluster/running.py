"""Faults of consumers that seem to run with the value and do not."""

from faults import Fault


def key(bench, name="API_KEY", **more):
    return {"valueFrom": {"secretKeyRef": {"name": bench.name, "key": name, **more}}}


def deployed(container, **spec):
    """A Deployment whose container takes the Secret as `container` says, given the bench."""

    def plant(bench):
        whole = {"name": "app", "image": "app", **container(bench)}
        bench.deploy(spec={"containers": [whole], **{name: make(bench) for name, make in spec.items()}})

    return plant


def status(**container):
    """A container that takes the value well, and is not as it should be."""

    def plant(bench):
        bench.deploy(how="environment")
        bench.run_pods(**container)

    return plant


def waiting(reason):
    return status(ready=False, started=False, state={"waiting": {"reason": reason}})


def running_in_between(bench):
    """It crashes, and just runs: the next crash is a moment away."""
    bench.deploy(how="environment")
    bench.run_pods(restartCount=7, lastState={"terminated": {"exitCode": 1, "reason": "Error"}})


def optional(bench):
    return {"env": [{"name": "API_KEY", **key(bench, "API_KEY_OLD", optional=True)}]}


def other_items(bench):
    return [
        {"name": "v", "secret": {"secretName": bench.name, "items": [{"key": "OLD", "path": "k"}], "optional": True}}
    ]


def mounted(_):
    return {"volumeMounts": [{"name": "v", "mountPath": "/etc/key"}]}


def twice(bench):
    return {"env": [{"name": "API_KEY", **key(bench)}, {"name": "API_KEY", "value": "another"}]}


def by_a_later_source(bench):
    data = {"metadata": {"name": "settings"}, "data": {"API_KEY": "another"}}
    bench.create("configmap", data)
    sources = [{"secretRef": {"name": bench.name}}, {"configMapRef": {"name": "settings"}}]
    return {"envFrom": sources}


def of_another_secret(bench):
    bench.create("secret", {"metadata": {"name": "other"}, "stringData": {"API_KEY": "another"}})
    return {"envFrom": [{"secretRef": {"name": bench.name}}, {"secretRef": {"name": "other"}}]}


def only_at_first(bench):
    return [{"name": "first", "image": "app", "env": [{"name": "API_KEY", **key(bench)}]}]


def of_somebody_else(bench):
    """No pod of the Deployment runs; one that has its labels does, and another controller made it."""
    bench.deploy()
    bench.merge("deployment", "app", {"spec": {"replicas": 0}})
    bench.until(lambda: not bench.handle().must("GET", bench.url("pod"))["items"])
    whole = bench.handle().must("GET", bench.url("deployment", "app"))
    made = bench.create("configmap", {"metadata": {"name": "maker"}})["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "maker", "uid": made["uid"], "controller": True}
    metadata = {"name": "stray", "labels": {"app": "app"}, "ownerReferences": [owner]}
    bench.create("pod", {"metadata": metadata, "spec": whole["spec"]["template"]["spec"]})
    bench.run_pods()


def of_nobody(bench):
    """No pod of the Deployment runs; one that has its labels does, and no controller made it."""
    bench.deploy()
    bench.merge("deployment", "app", {"spec": {"replicas": 0}})
    bench.until(lambda: not bench.handle().must("GET", bench.url("pod"))["items"])
    whole = bench.handle().must("GET", bench.url("deployment", "app"))
    metadata = {"name": "stray", "labels": {"app": "app"}}
    bench.create("pod", {"metadata": metadata, "spec": whole["spec"]["template"]["spec"]})
    bench.run_pods()


def beside_it(bench):
    return [
        {"name": "app", "image": "app", **optional(bench)},
        {"name": "proxy", "image": "proxy", "envFrom": [{"secretRef": {"name": bench.name}}]},
    ]


def sidecar_only(bench):
    bench.deploy(spec={"containers": beside_it(bench)})


def fault(name, plant, *, is_open=False):
    """A fault of a consumer: its owner deploys it anew, which no command of ours does."""
    return Fault("consumer", name, plant, "" if is_open else "consumer", "consumer" if is_open else "", mends=False)


FAULTS = [
    fault("its container crashes again and again", waiting("CrashLoopBackOff")),
    fault("its container crashes again and again, and just runs", running_in_between, is_open=True),
    fault("its image cannot be pulled", waiting("ImagePullBackOff")),
    fault("its container cannot be configured", waiting("CreateContainerConfigError")),
    fault("it runs and is not ready", status(ready=False), is_open=True),
    fault("takes an optional key that is not there", deployed(optional)),
    fault("mounts another key of the Secret", deployed(mounted, volumes=other_items)),
    fault("a later entry sets the same variable", deployed(twice)),
    fault("a ConfigMap sets the same variable later", deployed(by_a_later_source)),
    fault("another Secret sets the same variable later", deployed(of_another_secret)),
    fault("only its init container takes it", deployed(lambda _: {}, initContainers=only_at_first), is_open=True),
    fault("a pod with its labels runs, made by somebody else", of_somebody_else, is_open=True),
    fault("a pod with its labels runs, made by no controller", of_nobody, is_open=True),
    fault("only its sidecar has it, the application asks for another key", sidecar_only, is_open=True),
]
