"""Where a lane's value is in clusters while it is rotated: Secrets and the consumers that take them.

Whether a Secret has a value is compared here, in memory; nothing but the answer leaves.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from warden.core.clusters.manifests import Manifest, Ref
from warden.core.clusters.rollout import restart_patch, rollout_of
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.errors import WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Consumer, Lane
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.consumer_check import ConsumerObservation, changed_at, judge_consumer
from warden.core.proofs.probe_verdicts import Judgement
from warden.core.rotation.result import Part, PartState
from warden.core.secret import Secret
from warden.core.unobserved import unobserved
from warden.ports.clock import Clock
from warden.ports.cluster import Cluster
from warden.usecases.context import Context
from warden.usecases.steps.consumers import keys_beside, selected_pods
from warden.usecases.steps.rotation_path import same
from warden.usecases.sync import sync


class Parts:
    """The parts of one lane that get the value of one field."""

    def __init__(self, lane: Lane, field: str, context: Context, clock: Clock) -> None:
        self._lane = lane
        self._field = field
        self._context = context
        self._clock = clock
        self._targets = context.deliveries(lane, LaneOptions())
        connected = context.not_connected(lane)
        self._unseen = () if connected.embedded else connected.clusters

    @property
    def any(self) -> bool:
        """Whether anything gets the value."""
        return bool(self._targets or self._unseen)

    @property
    def secrets(self) -> Mapping[str, str]:
        """Every Secret, by its cluster; those that cannot be reached from here as well."""
        return {name: each.secret for name, each in self._lane.deliveries.items() if self._is_here(name)}

    @property
    def consumers(self) -> tuple[tuple[str, str], ...]:
        """Every consumer, and what is done about it."""
        return tuple((each.deployment, each.on_new_value) for each in self._lane.consumers) if self.any else ()

    def _is_here(self, cluster: str) -> bool:
        return cluster in self._unseen or any(each.cluster == cluster for each in self._targets)

    def deliver(self) -> bool:
        """Refresh every delivery, as `sync` does; whether each was followed. Raises as `sync`."""
        if all(each.by_hand for each in self._targets):
            return True
        return all(each.followed == "synced" for each in sync(self._lane, self._context, LaneOptions()).done)

    def restart(self, value: Secret) -> int:
        """Restart the consumers that have to be, of Secrets that have the value; answers how many.

        A Deployment all of whose containers have started after it is left alone: in a later second, since times are
        whole ones, and what started in the same one may have the old value. Raises as the port Cluster.
        """
        restarted = 0
        for target in self._targets:
            cluster = self._cluster(target)
            secret = cluster.secret(target.namespace, target.secret)
            if not _has(secret, self._field, value):
                continue
            for consumer in _of(target, self._lane.consumers):
                found = _observed(cluster, target, consumer)
                if consumer.on_new_value != "restart" or found.deployment is None or _started_after(found, secret):
                    continue
                namespace, _, name = consumer.deployment.partition("/")
                now = f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"
                cluster.patch(Ref("Deployment", namespace, name), restart_patch(now))
                restarted += 1
        return restarted

    def look(self, value: Secret, dropped: Mapping[str, str]) -> tuple[Part, ...]:
        """Every Secret and every consumer; `dropped` are Secrets that the lane file does not declare any more."""
        found = [part for target in self._targets for part in self._of_target(target, value)]
        found += [Part(cluster=name, kind="cluster", name=name, state="unseen") for name in self._unseen]
        return (*found, *self._dropped(dropped, value))

    def _cluster(self, target: DeliveryTarget) -> Cluster:
        found = self._context.clusters[target.cluster]
        if isinstance(found, WardenError):
            raise found
        return found

    def _of_target(self, target: DeliveryTarget, value: Secret) -> Iterator[Part]:
        name = f"{target.namespace}/{target.secret}"
        part = Part(cluster=target.cluster, kind="secret", name=name, state="unseen", by_hand=target.by_hand)
        try:
            cluster = self._cluster(target)
            secret = cluster.secret(target.namespace, target.secret)
            yield msgspec.structs.replace(part, state=_secret_state(secret, self._field, value))
            for consumer in _of(target, self._lane.consumers):
                state, judged = self._consumer(_observed(cluster, target, consumer), consumer, target, secret, value)
                yield Part(
                    cluster=target.cluster,
                    kind="consumer",
                    name=consumer.deployment,
                    state=state,
                    detail=None if state == "has" else judged.detail,
                )
        except WardenError as fault:
            yield msgspec.structs.replace(part, detail=unobserved(fault))

    def _consumer(
        self,
        found: ConsumerObservation,
        consumer: Consumer,
        target: DeliveryTarget,
        secret: SecretObservation | None,
        value: Secret,
    ) -> tuple[PartState, Judgement]:
        now = f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"
        judged = judge_consumer(found, target.secret, secret, now)
        if not _has(secret, self._field, value):
            return "other", judged
        if found.deployment is not None and not _replicas(found.deployment):
            return "idle", judged
        restarts = consumer.on_new_value == "restart"
        if judged.observed == "failing" or (restarts and _rollout_failed(found)):
            return "failing", judged
        if judged.result == "ok":
            return self._following(found, secret, consumer), judged
        passing = judged.observed in {"not-ready", "no-pod"} or (restarts and judged.observed == "older")
        return "pending" if passing else "other" if judged.observed == "older" else "unproven", judged

    def _following(self, found: ConsumerObservation, secret: SecretObservation | None, consumer: Consumer) -> PartState:
        """A consumer whose pods have the value by the way they take it: since when, and whether they all do."""
        restarts = consumer.on_new_value == "restart"
        if _started_since(found, secret):
            done = found.deployment is not None and rollout_of(found.deployment) == "complete"
            return "has" if done or not restarts else "pending"
        changed = changed_at(secret)
        if restarts or changed is None:
            return "pending"
        return "has" if (self._clock() - changed).total_seconds() > consumer.reload_within else "pending"

    def _dropped(self, dropped: Mapping[str, str], value: Secret) -> Iterator[Part]:
        for name, secret in dropped.items():
            if self.secrets.get(name) == secret:
                continue
            state: PartState = "unseen"
            cluster = self._context.clusters[name] if name in self._context.clusters.declared else None
            if cluster is not None and not isinstance(cluster, WardenError):
                try:
                    namespace, _, own = secret.partition("/")
                    found = cluster.secret(namespace, own)
                    state = "idle" if found is None else _secret_state(found, self._field, value)
                except WardenError:
                    state = "unseen"
            yield Part(cluster=name, kind="secret", name=secret, state=state, dropped=True)


def _of(target: DeliveryTarget, consumers: Iterable[Consumer]) -> Iterator[Consumer]:
    return (each for each in consumers if each.deployment.startswith(f"{target.namespace}/"))


def _has(secret: SecretObservation | None, field: str, value: Secret) -> bool:
    return secret is not None and field in secret.values and same(secret.values[field], value)


def _secret_state(secret: SecretObservation | None, field: str, value: Secret) -> PartState:
    if secret is None or field not in secret.values:
        return "missing"
    return "has" if same(secret.values[field], value) else "other"


def _observed(cluster: Cluster, target: DeliveryTarget, consumer: Consumer) -> ConsumerObservation:
    """Raises as the port Cluster."""
    namespace, _, name = consumer.deployment.partition("/")
    found = cluster.get(Ref("Deployment", namespace, name))
    pods = selected_pods(cluster, namespace, found) if found else ()
    others = keys_beside(cluster, namespace, target.secret, found) if found else {}
    return ConsumerObservation(name=consumer.deployment, deployment=found, pods=tuple(pods), others=others)


def _replicas(deployment: Manifest) -> int:
    return int((deployment.get("spec") or {}).get("replicas", 1))


def _rollout_failed(found: ConsumerObservation) -> bool:
    return found.deployment is not None and rollout_of(found.deployment) == "failed"


def _started_since(found: ConsumerObservation, secret: SecretObservation | None) -> bool:
    """Whether pods run, and no container of them was started before the Secret's last change."""
    changed, started = changed_at(secret), _first_start(found)
    return changed is not None and started is not None and started >= changed


def _started_after(found: ConsumerObservation, secret: SecretObservation | None) -> bool:
    changed, started = changed_at(secret), _first_start(found)
    return changed is not None and started is not None and started > changed


def _first_start(found: ConsumerObservation) -> dt.datetime | None:
    """When the first of its running containers was started, in whole seconds; ``None`` where none runs."""
    started = [
        dt.datetime.fromisoformat(str(status["state"]["running"]["startedAt"]))
        for pod in found.own_pods
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if (status.get("state") or {}).get("running")
    ]
    return min(started, default=None)
