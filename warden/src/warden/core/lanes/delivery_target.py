"""A delivery of a lane: the cluster it goes to, its reader there, and the names that follow from them.

deliveries: coulombcore: {external_secret: activity-core/llm-connect-provider-secrets}
-> reader   activity-core/llm-connect at auth/kubernetes (the cluster's auth mount)
-> store    SecretStore openbao-llm-connect in activity-core, logging in as that reader for audience openbao
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.lanes.lane import Delivery, Lane, Workload, WorkloadReader
from warden.core.remedies import EditFile, warden


class DeclaredCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster that lanes are delivered to, by the context of a kubeconfig.

    ``auth_mount`` is where its service accounts log in at OpenBao. ``openbao`` is the address at which the cluster
    reaches OpenBao (else the one that warden was given), ``openbao_ca`` a PEM file beside ``clusters.yaml`` with the
    authorities that verify it. ``eso`` is External Secrets Operator's own account. ``may_read_secrets`` are subjects
    who may read every Secret there by design: ``user:NAME``, ``group:NAME`` or ``namespace/account``;
    ``may_administer`` are those who may run workloads, enter pods, give rights and the like, and so could get at
    Secrets without the right to read them: deployers, controllers of the platform. ``may_copy`` are objects that take
    or hold a lane's value besides its delivery, by design: ``Kind/namespace/name``, or ``Kind/name`` for one of the
    whole cluster. ``admin_context`` is the context that advice names for what an administrator does with kubectl; else
    ``context``. ``environment`` is the environment of ``platform.yaml`` that the cluster is of, where that declares
    any.
    """

    context: str
    auth_mount: str = "kubernetes"
    openbao: str | None = None
    openbao_ca: str | None = None
    eso: Workload = Workload("external-secrets", "external-secrets")
    may_read_secrets: tuple[str, ...] = ()
    may_administer: tuple[str, ...] = ()
    may_copy: tuple[str, ...] = ()
    admin_context: str | None = None
    environment: str | None = None


class DeliveryTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery of a lane with its cluster, and the reader as whom External Secrets Operator logs in."""

    lane: Lane
    cluster: str
    declared: DeclaredCluster
    delivery: Delivery
    reader: WorkloadReader

    @property
    def label(self) -> str:
        """What it is called in answers."""
        return f"delivery {self.cluster}"

    @property
    def by_hand(self) -> bool:
        """Whether the Secret is declared as made by hand."""
        return self.delivery.external_secret is None

    @property
    def namespace(self) -> str:
        """The Secret's namespace."""
        return self.delivery.secret.partition("/")[0]

    @property
    def secret(self) -> str:
        """The Secret's name, and the ExternalSecret's."""
        return self.delivery.secret.partition("/")[2]

    @property
    def store(self) -> tuple[str, str]:
        """Kind and name of the store."""
        kind, _, name = (self.delivery.store or "").partition("/")
        return (kind, name) if name else ("SecretStore", f"openbao-{self.reader.workload.account}")

    @property
    def admin_context(self) -> str:
        """The kubeconfig context that an administrator of the cluster uses."""
        return self.declared.admin_context or self.declared.context

    @property
    def role(self) -> str:
        """The auth role by which the reader logs in."""
        return self.lane.role_of(self.reader)

    @property
    def shared(self) -> bool:
        """Whether the account that reads is not one of the Secret's own namespace."""
        return self.reader.workload.namespace != self.namespace


class NotDelivered(msgspec.Struct, frozen=True, kw_only=True):
    """The lane declares no delivery to the cluster; ``clusters`` are those it has one to."""

    lane: str
    cluster: str
    clusters: tuple[str, ...]


class NothingDelivered(msgspec.Struct, frozen=True, kw_only=True):
    """No lane is delivered to the cluster; ``clusters`` are those that some lane is delivered to."""

    cluster: str
    clusters: tuple[str, ...]


class UnknownCluster(msgspec.Struct, frozen=True, kw_only=True):
    """``clusters.yaml`` declares no such cluster; ``clusters`` are those it has."""

    cluster: str
    clusters: tuple[str, ...]


class ReaderUnclear(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the lane's readers the delivery is for does not follow from its file."""

    lane: str
    cluster: str


def target(lane: Lane, cluster: str, clusters: Mapping[str, DeclaredCluster]) -> DeliveryTarget:
    """One delivery of the lane. Raises `UsageError` where the lane, the cluster or the reader is not declared."""
    delivery, declared = lane.deliveries.get(cluster), clusters.get(cluster)
    if delivery is None:
        raise UsageError(
            NotDelivered(lane=lane.id, cluster=cluster, clusters=tuple(lane.deliveries)),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=(warden("route show", lane.id),),
        )
    if declared is None:
        raise UsageError(
            UnknownCluster(cluster=cluster, clusters=tuple(clusters)),
            effect=Effect.NOTHING_DONE,
            subject=cluster,
            remedy=(EditFile(file="clusters.yaml", field=cluster),),
        )
    reader = reader_of(lane, delivery)
    if reader is None:
        raise UsageError(
            ReaderUnclear(lane=lane.id, cluster=cluster),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=(warden("catalog check"),),
        )
    at_mount = msgspec.structs.replace(reader, mount=declared.auth_mount)
    return DeliveryTarget(lane=lane, cluster=cluster, declared=declared, delivery=delivery, reader=at_mount)


def expect_delivered(lanes: Iterable[Lane], clusters: Iterable[str]) -> None:
    """Raise `UsageError` where none of the lanes is delivered to one of these clusters."""
    known = sorted({name for lane in lanes for name in lane.deliveries})
    for name in clusters:
        if name not in known:
            raise UsageError(
                NothingDelivered(cluster=name, clusters=tuple(known)),
                effect=Effect.NOTHING_DONE,
                subject=name,
                remedy=(warden("route list"),),
            )


def targets(lane: Lane, clusters: Mapping[str, DeclaredCluster]) -> tuple[DeliveryTarget, ...]:
    """Every delivery of the lane to a cluster that is declared."""
    return tuple(target(lane, name, clusters) for name in lane.deliveries if name in clusters)


def reader_of(lane: Lane, delivery: Delivery) -> WorkloadReader | None:
    """The workload the delivery is for: the one that it names, else the only one of the Secret's namespace."""
    workloads = [reader for reader in lane.readers if isinstance(reader, WorkloadReader)]
    home = delivery.secret.partition("/")[0]
    found = [
        reader
        for reader in workloads
        if (reader.workload == delivery.reader if delivery.reader else reader.workload.namespace == home)
    ]
    accounts = {reader.workload for reader in found}
    return found[0] if len(accounts) == 1 else None


def with_cluster_readers(lane: Lane, clusters: Mapping[str, DeclaredCluster]) -> Lane:
    """The lane with a reader at each cluster's auth mount where External Secrets Operator logs in.

    A workload of two clusters is two subjects for OpenBao: each cluster's mount knows only its own tokens.
    """
    readers = list(lane.readers)
    for wanted in _cluster_readers(lane, clusters):
        if not any(_same_subject(wanted, reader) for reader in readers):
            readers.append(wanted)
    return lane if len(readers) == len(lane.readers) else msgspec.structs.replace(lane, readers=tuple(readers))


def _cluster_readers(lane: Lane, clusters: Mapping[str, DeclaredCluster]) -> Iterator[WorkloadReader]:
    for name, delivery in lane.deliveries.items():
        reader = reader_of(lane, delivery)
        if name in clusters and reader is not None and delivery.external_secret is not None:
            yield msgspec.structs.replace(reader, mount=clusters[name].auth_mount)


def _same_subject(one: WorkloadReader, other: object) -> bool:
    return isinstance(other, WorkloadReader) and (one.mount, one.workload) == (other.mount, other.workload)


def adopted(lane: Lane, cluster: str) -> Lane:
    """The lane as its file will be when the Secret made by hand is External Secrets Operator's."""
    delivery = lane.deliveries[cluster]
    taken = msgspec.structs.replace(delivery, external_secret=delivery.secret, bootstrap_secret=None)
    return msgspec.structs.replace(lane, deliveries=lane.deliveries | {cluster: taken})
