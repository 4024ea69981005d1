"""A cluster as a target: the objects of one delivery, by server-side apply.

The order is the plan's: the account and its right, the accounts that negative probes use, the store, and the
ExternalSecret last: nothing is delivered before all the rest is there.
"""

from collections.abc import Mapping, Sequence

from warden.core.clusters.comparison import compare, compare_by_hand, namespace_of
from warden.core.clusters.differences import surplus
from warden.core.clusters.manifests import Reached, manifests, ref_of, secret_of
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.plans.plan import Change, Plan, System
from warden.core.quoting import name
from warden.ports.cluster import Cluster


class ClusterTarget:
    """The objects of one delivery in its cluster; see `Target`.

    Args:
        delivery: the delivery.
        cluster: its cluster.
        reached: OpenBao as the cluster reaches it.
        create_namespace: the Secret's own namespace is made where it is missing.
        take_over: objects that are not ours, and fields that others manage, become ours.
        unreadable: the catalog's files with errors.
    """

    def __init__(
        self,
        delivery: DeliveryTarget,
        cluster: Cluster,
        reached: Reached,
        *,
        create_namespace: bool = False,
        take_over: bool = False,
        unreadable: Sequence[str] = (),
    ) -> None:
        self.system = System(address=cluster.address, cluster=delivery.cluster)
        self._delivery = delivery
        self._cluster = cluster
        self._reached = reached
        self._create_namespace = create_namespace
        self._take_over = take_over
        self._unreadable = tuple(unreadable)

    def plan(self) -> Plan:
        """Compare the delivery's objects; of a Secret made by hand only that nobody else owns it."""
        delivery, cluster = self._delivery, self._cluster
        if delivery.by_hand:
            return compare_by_hand(delivery, cluster.get(secret_of(delivery)), system=self.system)
        wanted = manifests(delivery, self._reached, namespace=self._create_namespace)
        refs = [*(ref_of(each) for each in wanted), secret_of(delivery), namespace_of(delivery)]
        live = {ref: cluster.get(ref) for ref in refs}
        return compare(
            delivery, wanted, live, system=self.system, take_over=self._take_over, unreadable=self._unreadable
        )

    def make(self, change: Change) -> None:
        """Apply the object; take out of it what somebody added where warden set nothing."""
        self._cluster.apply(change.wanted, force=self._take_over)
        if change.action != "change":
            return
        ref = ref_of(change.wanted)
        rest = surplus(change.wanted, self._cluster.get(ref) or {})
        if rest:  # not somebody else's: the plan blocks those, unless they are taken over
            self._cluster.patch(ref, rest)

    def acting_as(self) -> Mapping[str, str]:
        """The caller as the API server knows it."""
        return {"display_name": name(str(self._cluster.caller()))}
