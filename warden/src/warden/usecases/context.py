"""What use cases work with: the lanes, OpenBao as the caller sees it, the clusters, the journal."""

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import Inventory
from warden.core.lanes.administrators import Administrator
from warden.core.lanes.delivery_target import DeliveryTarget, target, targets
from warden.core.lanes.lane import Lane
from warden.core.openbao.closed_mark import mark_of
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions, NotConnected
from warden.core.remedies import warden
from warden.core.routes.freshness import FRESH
from warden.ports.access_index import SnapshotReader
from warden.ports.change_requests import ChangeRequests, Signatures
from warden.ports.clusters import Clusters
from warden.ports.journal import Journal
from warden.ports.notices import NoNotices, Notices
from warden.ports.signer import Signer
from warden.ports.vault import Vault


class NotInPlatform(msgspec.Struct, frozen=True):
    """Clusters that a lane is delivered to and that the embedded platform does not have."""

    clusters: tuple[str, ...]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenBao, the lanes of one platform directory, and the clusters they are delivered to.

    Attributes:
        lanes: every usable lane by id, each with a reader at each of its clusters' auth mounts.
        unreadable: the catalog's files with errors, which may declare lanes that share objects with these.
        settings: what roles need beside the lanes.
        vault: OpenBao as the caller.
        vaults: a further connection to it as the same caller, for a thread of its own.
        clusters: the clusters.
        journal: the record of every effect.
        audit_device: the audit device whose keyed hashes stand for values.
        alone: holds this machine's lock on changes to that OpenBao; takes the name of the operation.
        snapshots: reads everybody who can reach something there; without it nobody is looked for.
        administrators: who may reach everything (``may_administer``).
        counts_for: how long a proof counts (``proofs_count_for``).
        signer: signs checkpoints of the journal; ``None`` where platform.yaml names no key.
        requests: the platform's change requests; without them no protected lane is changed.
        signatures: the signatures under their decisions.
        notices: tells people and the State Hub what happened, after the journal has it.
        inventory: the SSH actors and hosts; ``None`` where its file cannot be used, so that nothing is known of them.
        platform: the name that platform.yaml gives; empty where it gives none.
    """

    lanes: Mapping[str, Lane]
    settings: Settings
    vault: Vault
    vaults: Callable[[], Vault]
    clusters: Clusters
    journal: Journal
    audit_device: str
    alone: Callable[[str], AbstractContextManager[None]]
    unreadable: tuple[str, ...] = ()
    snapshots: SnapshotReader | None = None
    administrators: frozenset[Administrator] = frozenset()
    counts_for: dt.timedelta = FRESH
    signer: Signer | None = None
    requests: ChangeRequests | None = None
    signatures: Signatures | None = None
    notices: Notices = NoNotices()
    inventory: Inventory | None = None
    platform: str = ""

    @property
    def closed(self) -> Mapping[str, str]:
        """The lanes that the journal says are closed, each with the mark of its closing."""
        return {lane: mark_of(state.closed) for lane, state in self.journal.states().items() if state.closed}

    def deliveries(self, lane: Lane, options: LaneOptions) -> tuple[DeliveryTarget, ...]:
        """The lane's deliveries that are meant. Raises `UsageError` for a cluster that is not one of them."""
        if options.custody_only:
            return ()
        declared = self.clusters.declared
        absent = [name for name in options.clusters if name in lane.deliveries and name not in declared]
        if self.clusters.embedded and absent:
            raise self.not_in_platform(lane, absent)
        if options.clusters:
            return tuple(target(lane, name, declared) for name in options.clusters)
        return targets(lane, declared)

    def not_connected(self, lane: Lane) -> NotConnected:
        """Clusters that the lane is delivered to and that nothing here names."""
        names = tuple(name for name in lane.deliveries if name not in self.clusters.declared)
        return NotConnected(names, self.clusters.embedded)

    def not_in_platform(self, lane: Lane, clusters: list[str]) -> UsageError:
        """That the embedded platform does not have these clusters, and how it gets all of the lane's."""
        start = warden("dev up", cluster=",".join(lane.deliveries))
        return UsageError(NotInPlatform(tuple(clusters)), effect=Effect.NOTHING_DONE, subject=lane.id, remedy=(start,))
