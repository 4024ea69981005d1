"""Closing a lane in its clusters: consumers are stopped or named, then its ExternalSecret and its Secret are removed.

Consumers come first, so that they do not fail on a missing Secret; the ExternalSecret comes before the Secret, which
it would make again. Only what is the lane's is touched, by its uid. Each step is taken again without harm.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import Manifest, Ref, external_secret_of, secret_of
from warden.core.clusters.removal import Removal, RemovalState, external_secret_obstacle, held, secret_obstacle
from warden.core.clusters.stopping import STOPPED_FOR, replicas_of, restoring, stopped_for, stopping
from warden.core.errors import JournalUnwritable, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Consumer
from warden.core.lifecycle.closed_parts import ClusterPart, ConsumerPart, ConsumerState
from warden.core.lifecycle.closing import Step, consumers_of
from warden.core.unobserved import unobserved
from warden.ports.cluster import Cluster
from warden.usecases.context import Context
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.consumers import selected_pods

PATIENCE = 10.0
"""Seconds for deleted objects, and for the pods of a stopped consumer, to be gone."""

_Found = TypeVar("_Found")


class ClusterCloser:
    """Closes and restores one lane's deliveries; what cannot be done in a cluster is a part of the answer."""

    def __init__(
        self, context: Context, records: StepRecords, *, take_over: bool = False, patience: float = PATIENCE
    ) -> None:
        self._context = context
        self._records = records
        self._take_over = take_over
        self._patience = patience

    def close(self, target: DeliveryTarget) -> ClusterPart:
        """Everything of one delivery. Raises `JournalUnwritable`."""
        cluster = self._context.clusters[target.cluster]
        try:
            if isinstance(cluster, WardenError):
                raise cluster
            consumers = tuple(self._stop(target, cluster, each) for each in consumers_of(target.lane, target))
            objects = tuple(self._remove(target, cluster))
        except JournalUnwritable:
            raise
        except WardenError as fault:
            refs = [secret_of(target)] if target.by_hand else [external_secret_of(target), secret_of(target)]
            left = tuple(Removal(ref=ref, state="not-known", remove=kubectl(target, "delete", ref)) for ref in refs)
            address = "" if isinstance(cluster, WardenError) else cluster.address
            return ClusterPart(cluster=target.cluster, address=address, objects=left, fault=fault)
        return ClusterPart(cluster=target.cluster, address=cluster.address, consumers=consumers, objects=objects)

    def restore(self, target: DeliveryTarget) -> ClusterPart:
        """Start the consumers that were stopped for the lane. Raises `JournalUnwritable`."""
        cluster = self._context.clusters[target.cluster]
        try:
            if isinstance(cluster, WardenError):
                raise cluster
            consumers = tuple(self._start(target, cluster, each) for each in consumers_of(target.lane, target))
        except JournalUnwritable:
            raise
        except WardenError as fault:
            return ClusterPart(cluster=target.cluster, fault=fault)
        return ClusterPart(cluster=target.cluster, address=cluster.address, consumers=consumers)

    # -- consumers ------------------------------------------------------------------------------------------------

    def _stop(self, target: DeliveryTarget, cluster: Cluster, consumer: Consumer) -> ConsumerPart:
        ref = _deployment(consumer)
        deployment, part = self._looked_at(cluster, ref, consumer)
        if deployment is None:
            return part
        scale = (kubectl(target, "scale", ref, value="0"),)
        if consumer.on_closing == "inform":
            pods = len(selected_pods(cluster, ref.namespace, deployment))
            return msgspec.structs.replace(
                part, state="informed", replicas=replicas_of(deployment), pods=pods, remedy=scale
            )
        step = Step(kind="stop-consumer", cluster=target.cluster, subject=consumer.deployment)
        changes, replicas = stopping(deployment, target.lane.id), replicas_of(deployment)
        if changes is None and target.lane.id not in stopped_for(deployment):
            return msgspec.structs.replace(part, state="at-zero")
        if changes is not None:
            self._records.record(step, doing="scale to 0", replicas=replicas)
            deployment = cluster.patch(ref, changes)
            self._records.record(step, done="scaled to 0", replicas=replicas)
        pods = self._until(lambda: len(selected_pods(cluster, ref.namespace, deployment)), lambda left: left == 0)
        state: ConsumerState = "stopping" if pods else "stopped"
        return msgspec.structs.replace(part, state=state, replicas=replicas, pods=pods, remedy=scale if pods else ())

    def _start(self, target: DeliveryTarget, cluster: Cluster, consumer: Consumer) -> ConsumerPart:
        ref = _deployment(consumer)
        deployment, part = self._looked_at(cluster, ref, consumer)
        changes = restoring(deployment, target.lane.id) if deployment is not None else None
        if changes is None or deployment is None:
            return part
        step = Step(kind="restore-consumer", cluster=target.cluster, subject=consumer.deployment)
        self._records.record(step, doing="scale up")
        after = cluster.patch(ref, changes)
        self._records.record(step, done="scaled up", replicas=replicas_of(after))
        kept = bool(changes["metadata"]["annotations"][STOPPED_FOR])
        return msgspec.structs.replace(part, state="kept-stopped" if kept else "restored", replicas=replicas_of(after))

    def _looked_at(self, cluster: Cluster, ref: Ref, consumer: Consumer) -> tuple[Manifest | None, ConsumerPart]:
        """The Deployment and an answer that says nothing of it yet; none where there is none."""
        found = cluster.get(ref)
        state: ConsumerState = "absent" if found is None else "informed"
        return found, ConsumerPart(deployment=consumer.deployment, state=state)

    # -- objects --------------------------------------------------------------------------------------------------

    def _remove(self, target: DeliveryTarget, cluster: Cluster) -> list[Removal]:
        removed: list[Removal] = []
        before = cluster.get(secret_of(target)) is not None
        if not target.by_hand:
            removed.append(self._external_secret(target, cluster))
            if not removed[0].is_gone:  # it would make the Secret again
                ref = secret_of(target)
                there = cluster.get(ref) is not None
                state = _after(removed[0]) if there else "absent"
                return [*removed, Removal(ref=ref, state=state, remove=kubectl(target, "delete", ref))]
        secret = self._secret(target, cluster)
        if before and secret.state == "absent":  # it went with its ExternalSecret
            secret = msgspec.structs.replace(secret, state="removed")
        return [*removed, secret]

    def _external_secret(self, target: DeliveryTarget, cluster: Cluster) -> Removal:
        ref = external_secret_of(target)
        found = cluster.get(ref)
        if found is None:
            return Removal(ref=ref, state="absent")
        obstacle = external_secret_obstacle(target.lane.id, found)
        if obstacle is not None and not self._take_over:
            return Removal(ref=ref, state="left", obstacle=obstacle, remove=kubectl(target, "delete", ref))
        return self._deleted(target, cluster, ref, found["metadata"], "remove-external-secret")

    def _secret(self, target: DeliveryTarget, cluster: Cluster) -> Removal:
        ref = secret_of(target)
        found = cluster.secret(ref.namespace, ref.name)
        if found is None:
            return Removal(ref=ref, state="absent")
        obstacle = secret_obstacle(target, found)
        if obstacle is not None and not self._take_over:
            return Removal(ref=ref, state="left", obstacle=obstacle, remove=kubectl(target, "delete", ref))
        return self._deleted(target, cluster, ref, found.metadata, "remove-secret")

    def _deleted(
        self, target: DeliveryTarget, cluster: Cluster, ref: Ref, metadata: Mapping[str, object], kind: str
    ) -> Removal:
        uid = str(metadata.get("uid") or "")
        step = Step(kind=kind, cluster=target.cluster, subject=f"{ref.namespace}/{ref.name}")  # type: ignore[arg-type]
        self._records.record(step, doing="delete", uid=uid)
        try:
            cluster.delete(ref, uid=uid)
        except WardenError as fault:
            self._records.record(step, failed=fault.kind)
            return Removal(
                ref=ref, state="not-known", unobserved=unobserved(fault), remove=kubectl(target, "delete", ref)
            )
        left = self._until(lambda: cluster.get(ref), lambda one: one is None or one["metadata"].get("uid") != uid)
        if left is not None and left["metadata"].get("uid") == uid:
            self._records.record(step, done="deleting")
            return Removal(ref=ref, state="ending", obstacle=held(left), remove=kubectl(target, "describe", ref))
        if left is not None:  # somebody, or something, has made it again
            self._records.record(step, failed="made-again")
            return Removal(ref=ref, state="not-known", remove=kubectl(target, "delete", ref))
        self._records.record(step, done="deleted")
        return Removal(ref=ref, state="removed")

    def _until(self, look: Callable[[], _Found], enough: Callable[[_Found], bool]) -> _Found:
        deadline = time.monotonic() + self._patience
        while True:
            found = look()
            if enough(found) or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


def _deployment(consumer: Consumer) -> Ref:
    namespace, _, name = consumer.deployment.partition("/")
    return Ref("Deployment", namespace, name)


def _after(external: Removal) -> RemovalState:
    """What is said of a Secret whose ExternalSecret is still there."""
    return "left" if external.state == "left" else "not-known"
