"""A cluster that exists already: only the operator runs here, and it gets what one of ours gets.

For the tests, at somebody's own cluster: namespaces, accounts, rights and definitions stay there afterwards.
"""

import os
from typing import TYPE_CHECKING

from warden.adapters.dev import state
from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.components import ClusterFiles

if TYPE_CHECKING:
    from warden.adapters.kubernetes.kubeconfig_format import Access


class ExistingCluster(Cluster):
    """The cluster of a kubeconfig's current context, whose user may do everything."""

    COMPONENTS = ("eso",)

    def __init__(self, files: ClusterFiles, kubeconfig_file: str) -> None:
        from warden.adapters.kubernetes import kubeconfig  # as in `cluster`

        super().__init__(files)
        self._access = kubeconfig.current(kubeconfig_file)

    @property
    def address(self) -> str:
        """Of its API server."""
        return self._access.cluster.server

    @property
    def ca(self) -> str:
        """PEM of the authorities that its kubeconfig names."""
        from warden.adapters.kubernetes import kubeconfig_writer  # as in `cluster`

        return kubeconfig_writer.authority(self._access)

    def admin_access(self) -> "Access":
        """As the kubeconfig's user."""
        return self._access

    def _prepare(self) -> None:
        state.make_private(os.path.dirname(self._files.root))
        state.make_private(self._files.root)
