"""The clusters of one platform: which there are, and all of them up or down together, beside OpenBao."""

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from warden.adapters.dev import state
from warden.adapters.dev.auth_mounts import configure_auth_mounts
from warden.adapters.dev.build import CONTROL_PLANE, OPERATOR, Tick, located, programs
from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.components import ClusterFiles
from warden.adapters.dev.config import mount_of
from warden.adapters.dev.existing_cluster import ExistingCluster
from warden.adapters.dev.server import Server
from warden.core.errors import Effect, NotFound, UsageError
from warden.core.remedies import warden

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, section 2.1, in small letters: what Kubernetes calls a DNS label."""

Report = Callable[[str], None]


class Clusters:
    """The clusters of the platform that `layout` describes."""

    def __init__(self, layout: state.Layout, kubeconfig_file: str = "") -> None:
        """`kubeconfig_file` names a cluster that is there already, and then every cluster of the platform is it."""
        self._layout = layout
        self._existing = kubeconfig_file

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order they were first asked for."""
        try:
            return msgspec.json.decode(Path(self._layout.cluster_names).read_bytes(), type=tuple[str, ...])
        except (OSError, msgspec.MsgspecError):
            return ()

    def cluster(self, name: str) -> Cluster:
        """One of them. Raises `NotFound` where there is none of that name."""
        if name not in self.names:
            raise NotFound(
                f"the embedded platform has no cluster {name!r}; it has: {', '.join(self.names) or 'none'}",
                system=state.SYSTEM,
                subject=name,
                remedy=(warden("dev up", cluster=name),),
            )
        files = ClusterFiles(
            name=name, root=f"{self._layout.clusters}/{name}", programs=located(), trusted=self._layout.ca_file
        )
        return ExistingCluster(files, self._existing) if self._existing else Cluster(files)

    def build(self, report: Report, tick: Tick) -> None:
        """Have the programs that its clusters run."""
        programs(report, tick, (OPERATOR,) if self._existing else (CONTROL_PLANE, OPERATOR))

    def mount(self, name: str) -> str:
        """The auth mount of a cluster."""
        return mount_of(self.cluster(name).name, self.names)

    def expect_usable(self, names: Sequence[str]) -> None:
        """Raise `UsageError` for a name that no cluster can have."""
        both = {*self.names, *names}
        for name in names:
            if not LABEL.fullmatch(name) or name.removesuffix("-admin") in both - {name}:
                raise UsageError(
                    f"{name!r} is not a valid name of a cluster",
                    effect=Effect.NOTHING_DONE,
                    subject=name,
                    hint="small letters, digits and dashes, at most 63; NAME-admin is the context of an administrator",
                )

    def remember(self, names: Sequence[str]) -> None:
        """Have these clusters from now on, too."""
        known = self.names
        if added := [name for name in dict.fromkeys(names) if name not in known]:
            state.write(self._layout.cluster_names, msgspec.json.encode([*known, *added]))

    def up(self, server: Server, report: Report) -> bool:
        """Bring OpenBao and all clusters up, side by side; answers whether that took anything.

        Ends what it started where one of them does not come up, or where it is interrupted.
        """
        clusters = [self.cluster(name) for name in self.names]
        before = {cluster.name: cluster.running() for cluster in clusters}
        was_up = server.pid is not None
        try:
            started = self._all_up(server, clusters, report)
        except BaseException:
            for cluster in clusters:
                cluster.down(but=before[cluster.name])
            if not was_up:
                server.stop()
            raise
        configure_auth_mounts(server.admin(), clusters, report)
        self._write_kubeconfig(clusters)
        return started

    def down(self) -> bool:
        """End all clusters; answers whether anything ran."""
        return any([self.cluster(name).down() for name in self.names])  # noqa: C419  # all of them

    def _all_up(self, server: Server, clusters: Sequence[Cluster], report: Report) -> bool:
        off = threading.Event()
        with ThreadPoolExecutor(len(clusters)) as pool:
            try:
                under_way = [pool.submit(cluster.up, report, off) for cluster in clusters]
                started = [server.bring_up(report), *(each.result() for each in under_way)]
            except BaseException:
                off.set()
                raise
        return any(started)

    def _write_kubeconfig(self, clusters: Sequence[Cluster]) -> None:
        """A context that somebody chose in the file (``kubectl config use-context``) stays the current one."""
        from warden.adapters.kubernetes import (
            kubeconfig,
            kubeconfig_writer,
        )  # 0.3 s, only where clusters are brought up

        contexts = {}
        for cluster in clusters:
            contexts[cluster.name] = cluster.warden_access()
            contexts[f"{cluster.name}-admin"] = cluster.admin_access()
        chosen = kubeconfig.current_context(self._layout.kubeconfig)
        current = chosen if chosen in contexts else clusters[0].name
        state.write(self._layout.kubeconfig, kubeconfig_writer.document(contexts, current))
