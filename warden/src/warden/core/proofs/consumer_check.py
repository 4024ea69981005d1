"""A consumer and the Secret it takes: does what runs have the value that is there now?

A mounted directory follows the Secret (Kubernetes, *Secrets*: mounted Secrets are updated automatically); environment
variables and ``subPath`` mounts keep what was there when the container started.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.manifests import Manifest
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.proofs.delivery_details import (
    DeploymentMissing,
    LastChangeUnknown,
    NoPodRuns,
    PodsOfOtherTemplate,
    PodsOlder,
    SecretNotObserved,
    SecretNotUsed,
)
from warden.core.proofs.details import Unobserved
from warden.core.proofs.probe_verdicts import Judgement


class ConsumerObservation(msgspec.Struct, frozen=True, kw_only=True):
    """A declared consumer as the cluster has it.

    Attributes:
        name: ``namespace/name`` of its Deployment.
        deployment: ``None`` where there is none.
        overlay: the folder that deploys it; empty where none is declared.
        unobserved: why it could not be observed.
    """

    name: str
    deployment: Manifest | None
    pods: tuple[Manifest, ...] = ()
    overlay: str = ""
    unobserved: Unobserved | None = None


def judge_consumer(consumer: ConsumerObservation, secret: str, found: SecretObservation | None) -> Judgement:
    """Whether one consumer of the Secret of that name runs with the value that is there now."""
    if consumer.unobserved is not None:
        return Judgement(result="inconclusive", observed="not-seen", detail=consumer.unobserved)
    if consumer.deployment is None:
        return Judgement(result="wrong", observed="none", detail=DeploymentMissing())
    taken = ways(consumer.deployment["spec"]["template"]["spec"], secret)
    if not taken:
        return Judgement(result="wrong", observed="not-used", detail=SecretNotUsed(secret))
    running = [pod for pod in consumer.pods if _runs(pod)]
    if not running:
        return Judgement(result="inconclusive", observed="no-pod", detail=NoPodRuns())
    return _judge_running(running, taken, secret, found)


def _judge_running(
    running: Sequence[Manifest], taken: set[str], secret: str, found: SecretObservation | None
) -> Judgement:
    without = sorted(pod["metadata"]["name"] for pod in running if not ways(pod["spec"], secret))
    if without:
        detail = PodsOfOtherTemplate(tuple(without), secret)
        return Judgement(result="wrong", observed="other-template", detail=detail)
    if found is None:
        return Judgement(result="inconclusive", observed="no-secret", detail=SecretNotObserved())
    changed = changed_at(found)
    if changed is None and taken != {"directory"}:
        return Judgement(result="inconclusive", observed="not-seen", detail=LastChangeUnknown())
    old = sorted(pod["metadata"]["name"] for pod in running if needs_restart(pod, secret, changed))
    if old and changed is not None:
        return Judgement(result="wrong", observed="older", detail=PodsOlder(tuple(old), _iso(changed)))
    return Judgement(result="ok", observed="follows" if taken == {"directory"} else "started-since")


def _iso(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def ways(spec: Mapping[str, Any], secret: str) -> set[str]:
    """How a pod takes the Secret: ``directory`` (follows it), ``subpath``, ``environment`` (neither does)."""
    volumes = {volume["name"] for volume in spec.get("volumes") or () if secret in _secrets_in(volume)}
    found = set()
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for mount in container.get("volumeMounts") or ():
            if mount.get("name") in volumes:
                found.add("subpath" if mount.get("subPath") or mount.get("subPathExpr") else "directory")
        if secret in _secrets_of_environment(container):
            found.add("environment")
    return found


def _secrets_in(volume: Mapping[str, Any]) -> list[str]:
    named = [(volume.get("secret") or {}).get("secretName", "")]
    sources = (volume.get("projected") or {}).get("sources") or ()
    return named + [(source.get("secret") or {}).get("name", "") for source in sources]


def _secrets_of_environment(container: Mapping[str, Any]) -> list[str]:
    single = [
        ((each.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", "") for each in container.get("env") or ()
    ]
    return single + [(each.get("secretRef") or {}).get("name", "") for each in container.get("envFrom") or ()]


def changed_at(secret: SecretObservation | None) -> dt.datetime | None:
    """When the Secret's data was last written, as the API server recorded it (``managedFields``); whole seconds."""
    if secret is None:
        return None
    times = [
        dt.datetime.fromisoformat(str(entry["time"]))
        for entry in secret.metadata.get("managedFields") or ()
        if "f:data" in (entry.get("fieldsV1") or {}) and entry.get("time")
    ]
    return max(times, default=None)


def _runs(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def needs_restart(pod: Manifest, secret: str, changed: dt.datetime | None) -> bool:
    """Whether a pod started before the Secret's last change and takes it in a way that does not follow."""
    if ways(pod["spec"], secret) <= {"directory"} or changed is None:
        return False
    started = [
        dt.datetime.fromisoformat(status["state"]["running"]["startedAt"])
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if (status.get("state") or {}).get("running")
    ]
    return min(started, default=changed) < changed
