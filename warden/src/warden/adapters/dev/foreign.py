"""A cluster that is there already: only the operator runs here, and it is furnished like one of ours.

For the tests, at somebody's own cluster: namespaces, accounts, rights and definitions stay there afterwards.
"""

import os

from warden.adapters.dev import state
from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.kube import Access, read_kubeconfig
from warden.adapters.dev.plane import Place


class ForeignCluster(Cluster):
    """The cluster of a kubeconfig's current context, whose user may do everything."""

    PARTS = ("eso",)

    def __init__(self, place: Place, kubeconfig: str) -> None:
        super().__init__(place)
        self._reached = read_kubeconfig(kubeconfig)

    @property
    def address(self) -> str:
        """Of its API server."""
        return self._reached.server

    @property
    def ca(self) -> str:
        """PEM of the authorities that its kubeconfig names."""
        return self._reached.ca

    def admin_access(self) -> Access:
        """As the kubeconfig's user."""
        return self._reached

    def _prepare(self) -> None:
        state.make_private(os.path.dirname(self._place.root))
        state.make_private(self._place.root)
