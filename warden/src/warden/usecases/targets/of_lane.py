"""The targets of a lane: OpenBao, and each cluster that it is delivered to."""

from warden.core.errors import WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.plans.lane_plan import LaneOptions, Unreached
from warden.core.plans.plan import System
from warden.usecases.context import Context
from warden.usecases.targets.cluster import ClusterTarget
from warden.usecases.targets.openbao import OpenBaoTarget, SharedAnswers


def openbao_target(
    lane: Lane,
    context: Context,
    options: LaneOptions,
    *,
    opened: bool = False,
    marked: bool = False,
    answers: SharedAnswers | None = None,
) -> OpenBaoTarget:
    """The lane on OpenBao; `opened`: as if it were not closed; `marked`: and its path stays marked as closed."""
    lanes = {**context.lanes, lane.id: lane}
    return OpenBaoTarget(
        lane,
        context.vault,
        tuple(lanes.values()),
        settings=context.settings,
        closed=context.closed,
        opened=opened,
        marked=marked,
        take_over=options.take_over,
        unreadable=context.unreadable,
        answers=answers,
    )


def cluster_target(delivery: DeliveryTarget, context: Context, options: LaneOptions) -> ClusterTarget:
    """The lane in one cluster. Raises why the cluster cannot be asked."""
    cluster = context.clusters[delivery.cluster]
    if isinstance(cluster, WardenError):
        raise cluster
    return ClusterTarget(
        delivery,
        cluster,
        context.clusters.reached(delivery),
        create_namespace=options.create_namespace,
        take_over=options.take_over,
        unreadable=context.unreadable,
    )


def unreached(delivery: DeliveryTarget, context: Context, fault: WardenError) -> Unreached:
    """That a delivery's cluster could not be asked."""
    cluster = context.clusters[delivery.cluster]
    address = "" if isinstance(cluster, WardenError) else cluster.address
    return Unreached(System(address=address, cluster=delivery.cluster), fault)
