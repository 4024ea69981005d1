"""plan, in a cluster: look at the objects of one delivery and say what differs. Nothing is changed or read."""

from warden.core.clusters.comparison import ClusterPlan, by_hand_plan, cluster_plan, namespace_of
from warden.core.clusters.manifests import Reached, manifests, ref_of, secret_of
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.ports.cluster import Cluster


def plan_cluster(
    target: DeliveryTarget, cluster: Cluster, reached: Reached, *, namespace: bool = False, take_over: bool = False
) -> ClusterPlan:
    """Compare the cluster with what the delivery implies. `namespace`: the Secret's own namespace is part of it.

    Raises as the port Cluster says.
    """
    if target.by_hand:
        return by_hand_plan(target, cluster.get(secret_of(target)), system=cluster.system)
    wanted = manifests(target, reached, namespace=namespace)
    refs = [*(ref_of(each) for each in wanted), secret_of(target), namespace_of(target)]
    live = {ref: cluster.get(ref) for ref in refs}
    return cluster_plan(target, wanted, live, system=cluster.system, take_over=take_over)
