"""A consumer and the Secret it takes: does what runs have the value that is there now?

How a container takes a Secret is `takings`. That a pod runs says little: a container may wait to be started again,
and a variable may be something else's by the time it starts.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.comparison import being_deleted
from warden.core.clusters.manifests import Manifest
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.proofs.consumption import NOTHING, Taking, takings
from warden.core.proofs.delivery_details import (
    ContainersFailing,
    DeploymentMissing,
    InitContainersOnly,
    KeysNotThere,
    LastChangeUnknown,
    MayBeOverridden,
    NoPodRuns,
    NotReady,
    Overridden,
    PodsOfOtherTemplate,
    PodsOlder,
    SecretNotObserved,
    SecretNotUsed,
    StartedAgain,
)
from warden.core.proofs.probe_verdicts import Judgement
from warden.core.unobserved import Unobserved

_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})
"""Why a container waits that is about to start; every other reason is a failure (kubelet: CrashLoopBackOff, …)."""


STAYS = dt.timedelta(minutes=10)
"""How long a container that failed has to run to have recovered: twice what a kubelet waits between starts at most."""


class ConsumerObservation(msgspec.Struct, frozen=True, kw_only=True):
    """A declared consumer as the cluster has it.

    Attributes:
        name: ``namespace/name`` of its Deployment.
        deployment: ``None`` where there is none.
        pods: those that its selector selects.
        others: the keys of what it takes into its environment besides, where they are known: ``configmap/NAME``.
        overlay: the folder that deploys it; empty where none is declared.
        unobserved: why it could not be observed.
    """

    name: str
    deployment: Manifest | None
    pods: tuple[Manifest, ...] = ()
    others: Mapping[str, frozenset[str]] = NOTHING
    overlay: str = ""
    unobserved: Unobserved | None = None

    @property
    def own_pods(self) -> Iterator[Manifest]:
        """Its pods, without those that end, and those that nobody or another controller made.

        A ReplicaSet is called as its Deployment, with a hash that has no hyphen.
        """
        name = self.name.partition("/")[2]
        for pod in self.pods:
            owners = [each for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")]
            own = [
                each.get("kind") == "ReplicaSet" and str(each.get("name")).rpartition("-")[0] == name for each in owners
            ]
            if own and all(own) and not pod["metadata"].get("deletionTimestamp"):
                yield pod


def judge_consumer(
    consumer: ConsumerObservation, secret: str, found: SecretObservation | None, now: str = ""
) -> Judgement:
    """Whether one consumer of the Secret of that name runs with the value that is there `now` (ISO 8601).

    Without a time nothing is said of containers that failed and run again.
    """
    if consumer.unobserved is not None:
        return Judgement(result="inconclusive", observed="not-seen", detail=consumer.unobserved)
    if consumer.deployment is None:
        return Judgement(result="wrong", observed="none", detail=DeploymentMissing())
    if ending := being_deleted(consumer.deployment.get("metadata") or {}):
        return Judgement(result="wrong", observed="being-deleted", detail=ending)
    keys = _keys(found)
    taken = takings(consumer.deployment["spec"]["template"]["spec"], secret, keys, consumer.others)
    fault = _not_taken(taken, secret)
    judged = fault or _judge_pods(consumer, secret, found, taken)
    again = tuple(sorted(each for pod in consumer.own_pods for each in _started_again(pod, now)))
    if judged.result == "ok" and again:
        return Judgement(result="inconclusive", observed="not-ready", detail=StartedAgain(again))
    return judged


def _not_taken(taken: Sequence[Taking], secret: str) -> Judgement | None:
    """Why the value does not reach what runs, by the template alone."""
    if not taken:
        return Judgement(result="wrong", observed="not-used", detail=SecretNotUsed(secret))
    overridden = tuple(dict.fromkeys(f"{each.overridden} of {each.container}" for each in taken if each.overridden))
    if overridden:
        return Judgement(result="wrong", observed="overridden", detail=Overridden(overridden))
    if not any(each.arrives for each in taken):
        missing = tuple(sorted({each.missing for each in taken}))
        return Judgement(result="wrong", observed="other-key", detail=KeysNotThere(missing))
    return _taken_in_part(taken, [each for each in taken if each.arrives])


def _taken_in_part(taken: Sequence[Taking], arriving: Sequence[Taking]) -> Judgement | None:
    """Why the value may not be where it is needed, although a container gets it."""
    if not any(each.lasting for each in arriving):
        containers = tuple(sorted({each.container for each in arriving}))
        return Judgement(result="inconclusive", observed="init-only", detail=InitContainersOnly(containers))
    if empty := _with_nothing(taken):
        return Judgement(result="inconclusive", observed="other-key", detail=KeysNotThere(empty))
    if all(each.after for each in arriving if each.lasting):
        later = tuple(sorted({name for each in arriving for name in each.after}))
        return Judgement(result="inconclusive", observed="not-seen", detail=MayBeOverridden(later))
    return None


def _with_nothing(taken: Sequence[Taking]) -> tuple[str, ...]:
    """The keys that a container asks for in vain that gets none, while another one of the pod has the value."""
    having = {each.container for each in taken if each.arrives}
    return tuple(sorted({each.missing for each in taken if each.lasting and each.container not in having}))


def _judge_pods(
    consumer: ConsumerObservation, secret: str, found: SecretObservation | None, taken: Sequence[Taking]
) -> Judgement:
    pods = list(consumer.own_pods)
    failing = [each for pod in pods for each in _failing(pod)]
    if failing:
        return Judgement(result="wrong", observed="failing", detail=ContainersFailing(tuple(sorted(failing))))
    running = [pod for pod in pods if _is_running(pod)]
    if not running:
        return Judgement(result="inconclusive", observed="no-pod", detail=NoPodRuns())
    keys = _keys(found)
    without = [pod for pod in running if _not_taken(takings(pod["spec"], secret, keys, consumer.others), secret)]
    if without:
        detail = PodsOfOtherTemplate(_names(without), secret)
        return Judgement(result="wrong", observed="other-template", detail=detail)
    unready = [pod for pod in running if any(status.get("ready") is False for status in _statuses(pod))]
    if unready:
        return Judgement(result="inconclusive", observed="not-ready", detail=NotReady(_names(unready)))
    return _judge_age(running, frozenset(each.way for each in taken if each.arrives), secret, found)


def _judge_age(
    running: Sequence[Manifest], taken: frozenset[str], secret: str, found: SecretObservation | None
) -> Judgement:
    if found is None:
        return Judgement(result="inconclusive", observed="no-secret", detail=SecretNotObserved())
    changed = changed_at(found)
    if changed is None and taken != {"directory"}:
        return Judgement(result="inconclusive", observed="not-seen", detail=LastChangeUnknown())
    old = [pod for pod in running if needs_restart(pod, secret, changed)]
    if old and changed is not None:
        return Judgement(result="wrong", observed="older", detail=PodsOlder(_names(old), _iso(changed)))
    return Judgement(result="ok", observed="follows" if taken == {"directory"} else "started-since")


def _keys(found: SecretObservation | None) -> frozenset[str] | None:
    """The keys of the Secret; ``None`` where they are not known."""
    return (frozenset(found.values) or None) if found is not None else None


def _names(pods: Sequence[Manifest]) -> tuple[str, ...]:
    return tuple(sorted(pod["metadata"]["name"] for pod in pods))


def _iso(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def ways(spec: Mapping[str, Any], secret: str) -> set[str]:
    """How a pod takes the Secret: ``directory`` (follows it), ``subpath``, ``environment`` (neither does)."""
    return {each.way for each in takings(spec, secret)}


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


def _is_running(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def _statuses(pod: Manifest, kind: str = "containerStatuses") -> Sequence[Mapping[str, Any]]:
    return (pod.get("status") or {}).get(kind) or ()


def _failing(pod: Manifest) -> Iterator[str]:
    """``pod: reason (container)`` of each container that cannot start, or has ended while its pod runs."""
    name = pod["metadata"]["name"]
    for kind in ("initContainerStatuses", "containerStatuses"):
        for status in _statuses(pod, kind):
            state = status.get("state") or {}
            reason = str((state.get("waiting") or {}).get("reason") or "")
            ended = state.get("terminated") if kind == "containerStatuses" and _is_running(pod) else None
            if reason not in _STARTING or ended:
                yield f"{name}: {reason or (ended or {}).get('reason') or 'ended'} ({status.get('name')})"


def _started_again(pod: Manifest, now: str) -> Iterator[str]:
    """Containers that failed and were started again a moment ago: one that crashes again and again runs in between."""
    for status in _statuses(pod):
        ended = (status.get("lastState") or {}).get("terminated") or {}
        since = ((status.get("state") or {}).get("running") or {}).get("startedAt")
        if now and since and ended.get("exitCode") and _time(now) - _time(since) < STAYS:
            yield f"{pod['metadata']['name']}: {ended.get('reason') or 'failed'} ({status.get('name')})"


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(str(text))


def needs_restart(pod: Manifest, secret: str, changed: dt.datetime | None) -> bool:
    """Whether a container started before the Secret's last change and takes it in a way that does not follow."""
    containers = {each.container for each in takings(pod["spec"], secret) if each.way != "directory"}
    if not containers or changed is None:
        return False
    started = [
        dt.datetime.fromisoformat(status["state"]["running"]["startedAt"])
        for kind in ("initContainerStatuses", "containerStatuses")
        for status in _statuses(pod, kind)
        if status.get("name") in containers and (status.get("state") or {}).get("running")
    ]
    return min(started, default=changed) < changed
