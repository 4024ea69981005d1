"""What a command works with, from the options and the environment: lanes, OpenBao, clusters, journal."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from warden.cli import wiring, wiring_files, wiring_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import click

    from warden.adapters.catalog.change_requests import ChangeRequestFiles
    from warden.adapters.dev import Embedded
    from warden.adapters.openbao.client import OpenBao
    from warden.core.clusters.manifests import Reached
    from warden.core.errors import Invalid, WardenError
    from warden.core.inventory.inventory import ActorIdentity, Inventory
    from warden.core.lanes.administrators import Administrator
    from warden.core.lanes.catalog import LeftOut, Platform
    from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget
    from warden.core.lanes.lane import Lane
    from warden.ports.audit_log import AuditLog
    from warden.ports.change_requests import Signatures
    from warden.ports.cluster import Cluster
    from warden.usecases.context import Context


class Workspace:
    """What the commands work with: the lanes, the server as the caller sees it, the clusters, and the journal."""

    @classmethod
    def of(cls, ctx: click.Context) -> Workspace:
        """The workspace of this call."""
        return cls(wiring.platform_dir(ctx))

    def __init__(self, platform: str) -> None:
        from warden.core.lanes.delivery_target import with_cluster_readers

        self.platform = platform
        self.catalog = wiring.catalog(platform)
        self.vault = wiring.openbao()
        self.journal = wiring_journal.journal(platform)
        self.address = self.vault.address
        self.system = f"OpenBao {self.vault.address} ({self.vault.endpoint.source})"
        self.notices = wiring_files.notices(platform, self.catalog.platform, self.journal)
        self.clusters = Connections(self)
        self.lanes = {
            name: with_cluster_readers(lane, self.clusters.declared) for name, lane in self.catalog.lanes.items()
        }

    def is_closed(self, lane: Lane) -> bool:
        """Whether the journal says that the lane is closed, or OpenBao as far as that can be seen."""
        from warden.usecases.steps.closing import mark_there

        return self.journal.state(lane.id).closed is not None or mark_there(lane, self.vault) is not None

    def another_vault(self) -> OpenBao:
        """The same server as the same caller, over a connection of its own."""
        return self.vault.twin()

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id. Raises as `Catalog.lane` does."""
        found = self.catalog.lane(lane_id)
        return self.lanes.get(lane_id, found)

    def chosen(
        self, lane: str | None, *, every: bool, clusters: Sequence[str] = ()
    ) -> tuple[list[Lane], tuple[LeftOut, ...]]:
        """The lane that was named, or every active one; and the files that were left out for their errors.

        Raises `UsageError` where neither or both were asked for, or no lane at all is delivered to one of `clusters`.
        """
        from warden.core.errors import Effect, UsageError
        from warden.core.lanes.delivery_target import expect_delivered
        from warden.core.remedies import warden

        if bool(lane) == every:
            lanes = (warden("route list"),)
            raise UsageError("name one lane, or give --all", effect=Effect.NOTHING_DONE, remedy=lanes)
        if lane:
            return [self.lane(lane)], ()
        active = [each for each in self.lanes.values() if each.status == "active"]
        expect_delivered(active, clusters)
        return active, self.catalog.left_out

    @cached_property
    def inventory(self) -> Inventory | Invalid:
        """The SSH actors and hosts, or what is wrong with their file."""
        from warden.cli import wiring_ssh

        return wiring_ssh.read(self.platform)

    @property
    def context(self) -> Context:
        """What use cases work with."""
        from warden.core.errors import Invalid
        from warden.core.openbao.resources import Settings
        from warden.usecases.context import Context

        return Context(
            lanes=self.lanes,
            settings=Settings(self.catalog.platform.logins, self._authorities()),
            vault=self.vault,
            vaults=self.another_vault,
            clusters=self.clusters,
            journal=self.journal,
            audit_device=self.catalog.platform.audit_device,
            alone=self.alone,
            unreadable=tuple(each.file for each in self.catalog.left_out),
            signer=wiring_journal.signer(self.catalog.platform.signing, self.vault),
            counts_for=self.catalog.platform.counts_for,
            notices=self.notices,
            requests=self.requests,
            signatures=self.signatures,
            inventory=None if isinstance(self.inventory, Invalid) else self.inventory,
            platform=self.catalog.platform.platform or "",
        )

    @property
    def reading_context(self) -> Context:
        """The same with a reader of everybody who can reach something."""
        import msgspec

        reader = wiring.snapshots(self.vault)
        return msgspec.structs.replace(self.context, snapshots=reader, administrators=self.administrators)

    @property
    def administrators(self) -> frozenset[Administrator]:
        """Who may reach every lane: those that platform.yaml declares, and the embedded platform's own people."""
        from warden.core.lanes.administrators import administrators

        return administrators((*self.catalog.platform.may_administer, *wiring.embedded_administrators(self.address)))

    @property
    def requests(self) -> ChangeRequestFiles:
        """The platform's change requests."""
        return wiring_files.change_requests(self.platform, {*self.catalog.declared, *self.catalog.elsewhere})

    @property
    def signatures(self) -> Signatures:
        """The signatures under their decisions."""
        return wiring_files.signatures(self.platform, self.catalog.platform)

    @property
    def _identities(self) -> list[ActorIdentity]:
        """Those of the actors, where the inventory can be used."""
        from warden.core.errors import Invalid

        actors = {} if isinstance(self.inventory, Invalid) else self.inventory.actors
        return [each for actor in actors.values() for each in actor.identities]

    def _authorities(self) -> dict[str, str]:
        """The PEM of each file that a reader or identity by certificate names; none for one that cannot be used."""
        from warden.core.lanes.readers import CertificateReader

        readers = [reader for lane in self.lanes.values() for reader in lane.readers]
        files = {each.ca for each in (*readers, *self._identities) if isinstance(each, CertificateReader)}
        return {file: wiring_files.authority(self.platform, file) for file in sorted(files)}

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Hold this machine's lock for changing that server."""
        path = os.path.join(wiring.state_directory(), "locks", f"{self._lock_name}.lock")
        return wiring.lock(path, what, "changing the same server")

    def alone_on(self, lane: str) -> AbstractContextManager[None]:
        """Hold this machine's lock on the rotations of one lane there."""
        name = f"{self._lock_name}-{lane}.lock"
        path = os.path.join(wiring.state_directory(), "locks", name)
        return wiring.lock(path, "warden rotate", f"rotating {lane}")

    @property
    def _lock_name(self) -> str:
        import hashlib

        return hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def audit(self, files: Sequence[str], command: str | None) -> AuditLog:
        """The audit log that was named, else WARDEN_AUDIT, else where the server says that it writes it."""
        from warden.core.errors import Effect, UsageError

        if command and files:
            raise UsageError("--audit and --audit-command cannot be used together", effect=Effect.NOTHING_ASKED)
        if command:
            return wiring.audit_command(command)
        return wiring.audit_files(self.audit_named(files))

    def audit_named(self, files: Sequence[str]) -> tuple[str, ...]:
        """The files that were named, else those of WARDEN_AUDIT, else where the server says that it writes."""
        named = tuple(files) or tuple(filter(None, os.environ.get("WARDEN_AUDIT", "").split(os.pathsep)))
        return named or self.audit_files()

    def audit_files(self) -> tuple[str, ...]:
        """Where the audit lines are: beside the embedded platform, or where the server says (which needs sudo)."""
        from warden.core.errors import Effect, Refused, UsageError
        from warden.core.remedies import SetVariable

        embedded = wiring.embedded_at(self.address)
        if embedded:
            return (embedded.layout.audit_file,)
        try:
            found = self.vault.audit_files()
        except Refused:
            found = ()
        if not found:
            raise UsageError(
                f"where {self.address} writes its audit log is not known here",
                effect=Effect.NOTHING_ASKED,
                hint="name it with --audit FILE or --audit-command COMMAND",
                remedy=(SetVariable("WARDEN_AUDIT", "FILE"),),
            )
        return found


class Connections:
    """The clusters that lanes are delivered to from the workspace's OpenBao.

    From the embedded platform they are its own, and those of no kubeconfig: a lane tried out on this machine must not
    reach into a cluster that happens to have the same name.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._embedded = wiring.embedded_at(workspace.address)
        self._connected: dict[str, Cluster | WardenError] = {}
        platform = workspace.catalog.platform
        self.declared = self._own(self._embedded, platform) if self._embedded else platform.clusters
        self.embedded = self._embedded is not None

    def _own(self, embedded: Embedded, platform: Platform) -> dict[str, DeclaredCluster]:
        import msgspec

        from warden.core.lanes.delivery_target import DeclaredCluster

        found = {}
        for name in embedded.clusters:
            declared = platform.clusters.get(name, DeclaredCluster(context=name))
            found[name] = msgspec.structs.replace(
                declared,
                context=name,
                admin_context=f"{name}-admin",
                auth_mount=embedded.auth_mount(name),
                openbao=None,
                openbao_ca=None,
            )
        return found

    def __getitem__(self, name: str) -> Cluster | WardenError:
        """The cluster, or why it cannot be asked; connected to once."""
        from warden.core.errors import WardenError

        if name not in self._connected:
            try:
                self._connected[name] = self._connect(name)
            except WardenError as fault:
                self._connected[name] = fault
        return self._connected[name]

    def _connect(self, name: str) -> Cluster:
        own = {"KUBECONFIG": self._embedded.layout.kubeconfig} if self._embedded else {}
        return wiring.cluster(name, self.declared[name].context, {**os.environ, **own})

    @property
    def mounts(self) -> frozenset[str]:
        """The auth mounts whose tokens a cluster makes and judges."""
        return frozenset(one.auth_mount for one in self.declared.values())

    def by_mount(self) -> dict[str, Cluster | WardenError]:
        """Every cluster, by the auth mount that its accounts log in at."""
        return {one.auth_mount: self[name] for name, one in self.declared.items()}

    def reached(self, target: DeliveryTarget) -> Reached:
        """OpenBao as that cluster reaches it."""
        from warden.core.clusters.manifests import Reached

        endpoint, declared = self._workspace.vault.endpoint, target.declared
        if declared.openbao_ca:
            authorities = wiring.declared_authorities(self._workspace.platform, declared.openbao_ca)
        else:
            authorities = wiring.authorities(endpoint) if declared.openbao is None else ""
        return Reached(
            address=declared.openbao or self._workspace.address,
            ca=authorities,
            namespace=self._workspace.vault.namespace,
        )


def rendering(platform: str, lane: str, cluster: str) -> tuple[DeliveryTarget, Callable[[], Reached]]:
    """A delivery, and how to learn how its cluster reaches OpenBao; without a word to any server.

    No BAO_ADDR is needed where clusters.yaml has the address.
    """
    from warden.core.errors import UsageError
    from warden.core.lanes.delivery_target import target
    from warden.core.plans.lane_plan import LaneOptions

    catalog = wiring.catalog(platform)
    try:
        found = Workspace(platform)
    except UsageError:
        declared = catalog.platform.clusters
        if cluster not in declared or not declared[cluster].openbao:
            raise
        return target(catalog.lane(lane), cluster, declared), lambda: _declared_reach(platform, declared[cluster])
    (wanted,) = found.context.deliveries(found.lane(lane), LaneOptions(clusters=(cluster,)))
    return wanted, lambda: found.clusters.reached(wanted)


def _declared_reach(platform: str, declared: DeclaredCluster) -> Reached:
    from warden.core.clusters.manifests import Reached

    ca = wiring.declared_authorities(platform, declared.openbao_ca) if declared.openbao_ca else ""
    return Reached(address=declared.openbao or "", ca=ca, namespace=wiring.namespace())
