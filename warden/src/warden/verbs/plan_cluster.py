"""plan, in a cluster: look at the objects of one delivery and say what differs. Nothing is changed or read."""

from warden.domain.cluster import Leg
from warden.domain.cluster_plan import ClusterPlan, by_hand_plan, cluster_plan, namespace_of
from warden.domain.manifests import Reached, manifests, ref_of, secret_of
from warden.ports import Cluster


def plan_cluster(
    leg: Leg, cluster: Cluster, reached: Reached, *, namespace: bool = False, take_over: bool = False
) -> ClusterPlan:
    """Compare the cluster with what the delivery implies. `namespace`: the Secret's own namespace is part of it.

    Raises as the port Cluster says.
    """
    if leg.by_hand:
        return by_hand_plan(leg, cluster.get(secret_of(leg)), system=cluster.system)
    wanted = manifests(leg, reached, namespace=namespace)
    refs = [*(ref_of(each) for each in wanted), secret_of(leg), namespace_of(leg)]
    live = {ref: cluster.get(ref) for ref in refs}
    return cluster_plan(leg, wanted, live, system=cluster.system, take_over=take_over)
