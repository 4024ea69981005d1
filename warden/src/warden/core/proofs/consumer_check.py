"""A consumer beside the Secret it takes: does what runs have the value that is there now?

A mounted directory follows the Secret (Kubernetes, *Secrets*: mounted Secrets are updated automatically); environment
variables and ``subPath`` mounts keep what was there when the container started.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.manifests import Manifest
from warden.core.openbao.api import SecretSeen
from warden.core.proofs.proof import Word

OTHERWISE = "OTHERWISE"
"""What runs is not what the Deployment says now: its rollout did not end."""

NOTHING = "no Secret"
"""There is nothing that it could run with, which is no fault of the consumer's."""

OLDER = "OLDER"
"""What is known of a pod that started before the Secret was last written: not that the value was another one then."""


class Consuming(msgspec.Struct, frozen=True, kw_only=True):
    """A declared consumer as the cluster has it; ``deployment`` is ``None`` where there is none.

    ``overlay`` is the folder that deploys it, ``unseen`` says why it could not be looked at.
    """

    name: str
    deployment: Manifest | None
    pods: tuple[Manifest, ...] = ()
    overlay: str = ""
    unseen: str = ""


def judge_consumer(consuming: Consuming, secret: str, seen: SecretSeen | None) -> tuple[Word, str, str]:
    """Word, what was observed, and in words what is wrong with one consumer of the Secret of that name."""
    if consuming.unseen:
        return "??", "not seen", consuming.unseen
    if consuming.deployment is None:
        return "FAIL", "NONE", "there is no such Deployment"
    spec = consuming.deployment["spec"]["template"]["spec"]
    how = ways(spec, secret)
    if not how:
        return "FAIL", "NOT USED", f"it neither mounts the Secret {secret} nor takes it into its environment"
    running = [pod for pod in consuming.pods if _runs(pod)]
    if not running:
        return "??", "no pod", "none of its pods runs, so nobody uses the value"
    return _judge_running(running, how, secret, seen)


def _judge_running(
    running: Sequence[Manifest], how: set[str], secret: str, seen: SecretSeen | None
) -> tuple[Word, str, str]:
    without = sorted(pod["metadata"]["name"] for pod in running if not ways(pod["spec"], secret))
    if without:
        detail = f"{', '.join(without)} runs as another template had it, without the Secret {secret}"
        return "FAIL", OTHERWISE, detail
    if seen is None:
        return "??", NOTHING, "the Secret is not there, or was not seen, so what runs with it is not known"
    changed = changed_at(seen)
    old = [pod["metadata"]["name"] for pod in running if needs_restart(pod, secret, changed)]
    if changed is None and how != {"directory"}:
        return "??", "not seen", "it is not recorded when the Secret was last changed, so who has it is not known"
    if old:
        since = f"{changed:%Y-%m-%dT%H:%M:%SZ}" if changed else "?"
        detail = f"{', '.join(sorted(old))} started before the Secret's last change ({since}) and cannot follow it"
        return "FAIL", OLDER, detail
    return "ok", "follows" if how == {"directory"} else "started since", ""


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


def changed_at(secret: SecretSeen | None) -> dt.datetime | None:
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
