"""The clusters that lanes are delivered to from one OpenBao."""

from collections.abc import Mapping
from typing import Protocol

from warden.core.clusters.manifests import Reached
from warden.core.errors import WardenError
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget
from warden.ports.cluster import Cluster


class Clusters(Protocol):
    """Every declared cluster; each is connected to once, when it is needed first."""

    @property
    def declared(self) -> Mapping[str, DeclaredCluster]:
        """Each cluster by its declared name."""

    @property
    def embedded(self) -> bool:
        """Whether they are the embedded platform's own rather than a kubeconfig's."""

    def __getitem__(self, name: str, /) -> Cluster | WardenError:
        """The cluster of that declared name, or why it cannot be asked."""

    def reached(self, delivery: DeliveryTarget, /) -> Reached:
        """OpenBao as that delivery's cluster reaches it. Raises `UsageError` for unreadable authorities."""
