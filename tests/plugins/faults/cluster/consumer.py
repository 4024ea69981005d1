"""Faults of the Deployment that uses the value."""

from faults import Fault

OLD = "2020-01-01T00:00:00Z"


def another_template(bench):
    """What runs is of a template without the Secret: the Deployment was changed, and nothing rolled it out."""
    bench.deploy(how="none")
    container = {"name": "app", "image": "app", "volumeMounts": [{"name": "key", "mountPath": "/etc/key"}]}
    spec = {"containers": [container], "volumes": [{"name": "key", "secret": {"secretName": bench.name}}]}
    bench.merge("deployment", "app", {"spec": {"paused": True, "template": {"spec": spec}}})


def deploy(**how):
    return lambda bench: bench.deploy(**how)


def no_deployment(bench):
    bench.deploy()
    bench.remove("deployment", "app")


def no_pod(bench):
    bench.deploy()
    bench.handle().must(
        "PATCH", bench.url("deployment", "app"), {"spec": {"replicas": 0}}, "application/merge-patch+json"
    )
    bench.until(lambda: not bench.handle().must("GET", bench.url("pod"))["items"])


FAULTS = [
    Fault("consumer", "there is none", no_deployment, "consumer", mends=False),
    Fault("consumer", "does not use the Secret", deploy(how="none"), "consumer", mends=False),
    Fault("consumer", "uses another Secret", deploy(uses="another-secret"), "consumer", mends=False),
    Fault("consumer", "took the old value into its environment", deploy(how="environment", started=OLD), "consumer"),
    Fault("consumer", "mounted the old value by subPath", deploy(how="subpath", started=OLD), "consumer"),
    Fault("consumer", "runs as an earlier template, without the Secret", another_template, "consumer"),
    Fault("consumer", "no pod runs", no_pod, "", "consumer"),
]
