"""status: how every lane stands, from OpenBao's metadata, the Secrets' metadata and the journal.

No value is read and nothing is changed.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from warden.core.clusters.manifests import secret_of
from warden.core.errors import Inconclusive, WardenError
from warden.core.journal.operations import Unfinished  # noqa: TC001 - of a local annotation
from warden.core.journal.record import LaneState, Record
from warden.core.journal.state import EFFECTS
from warden.core.lanes.delivery_target import DeliveryTarget, targets
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.lane_status import Access, LaneObservation, LaneStatus, SecretPresence, lane_status
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.closed_mark import is_reopened, mark_in, mark_of
from warden.core.openbao.resources import is_template
from warden.ports.clock import Clock
from warden.ports.clusters import Clusters
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.steps.members import SHOWN


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """How each lane stands, and what kept a part of that from being observed: one fault for each kind and cluster."""

    lanes: tuple[LaneStatus, ...]
    faults: tuple[WardenError, ...]


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at of a lane, and what the journal says of it."""

    lane: Lane
    state: LaneState
    observation: LaneObservation

    def status(self, now: dt.datetime, counts_for: dt.timedelta) -> LaneStatus:
        """How the lane stands, if a proof counts for that long."""
        return lane_status(self.lane, self.state, self.observation, now, counts_for)


def status(
    lanes: Sequence[Lane],
    vault: Vault | None,
    clusters: Clusters | None,
    journal: Journal,
    clock: Clock,
    *,
    counts_for: dt.timedelta,
) -> StatusReport:
    """How each lane stands. Without a `vault` only what the journal knows is said.

    Raises `JournalUnwritable`.
    """
    found, faults = observe(lanes, vault, clusters, journal)
    return StatusReport(lanes=tuple(each.status(clock(), counts_for) for each in found), faults=faults)


def observe(
    lanes: Sequence[Lane], vault: Vault | None, clusters: Clusters | None, journal: Journal
) -> tuple[tuple[Observed, ...], tuple[WardenError, ...]]:
    """Look at each lane; and what kept a part of that from being observed. Raises `JournalUnwritable`."""
    observer = _Observer(vault, clusters)
    states, found = journal.states(), []
    unfinished: dict[str, list[Unfinished]] = {}
    for each in journal.unfinished():
        unfinished.setdefault(each.record.lane, []).append(each)
    for lane in lanes:
        state = states.get(lane.id, LaneState())
        observed = observer.observe(lane, state)
        proof = state.proof
        events = (*EFFECTS, SHOWN)
        after = journal.here(journal.log(lane=lane.id, after=proof.seq, events=events)) if proof is not None else ()
        observed = msgspec.structs.replace(
            observed,
            changed_since=any(record.event in EFFECTS for record in after),
            member_shown=any(record.event == SHOWN for record in after),
            put_since_closing=_put_since(state.closed, lane, journal),
            unfinished=tuple(unfinished.get(lane.id, ())),
        )
        found.append(Observed(lane=lane, state=state, observation=observed))
    return tuple(found), tuple(observer.faults.values())


def _put_since(closed: Record | None, lane: Lane, journal: Journal) -> bool:
    """Whether a value was put after that closing."""
    if closed is None:
        return False
    return bool(journal.here(journal.log(lane=lane.id, after=closed.seq, events=("put.done",))))


class _Observer:
    """Looks at lanes, and does not ask a system again that did not answer."""

    def __init__(self, vault: Vault | None, clusters: Clusters | None) -> None:
        self._vault = vault
        self._clusters = clusters
        self.faults: dict[str, WardenError] = {}

    def observe(self, lane: Lane, state: LaneState) -> LaneObservation:
        reachable, metadata = self._metadata(lane)
        marked = metadata is not None and mark_in(metadata.custom) is not None
        reopened = state.closed and metadata and is_reopened(mark_of(state.closed), metadata.custom)
        closed = reachable and (marked or state.closed is not None) and not reopened
        return LaneObservation(
            reachable=reachable,
            metadata=metadata,
            secrets=self._secrets(lane),
            policy_remains=closed and self._has_policy(lane),
            access=self._access(lane) if reachable and not closed else "unknown",
        )

    def _metadata(self, lane: Lane) -> tuple[bool, KvMetadata | None]:
        """Whether OpenBao answered, and the metadata of the lane's path."""
        if self._vault is None or is_template(lane) or "unreachable" in self.faults:
            return False, None
        try:
            return True, self._vault.kv_metadata(lane.custody.mount, lane.custody.key)
        except WardenError as fault:
            self.faults[fault.kind] = fault
            return False, None

    def _has_policy(self, lane: Lane) -> bool:
        """Whether a closed lane still has its policy; false where the caller may not look at policies."""
        try:
            vault = self._vault
            return vault is not None and any(vault.policy(name) is not None for name in lane.policy_names)
        except WardenError:
            return False

    def _access(self, lane: Lane) -> Access:
        """Whether the readers can read, by the lane's policy and roles as they are now."""
        if self._vault is None or is_template(lane):
            return "unknown"
        name = lane.custody.policy_name
        try:
            text = self._vault.policy(name)
            roles = [self._vault.role(lane.role_name(each)) or {} for each in lane.readers] if text else []
        except WardenError:
            return "unknown"
        named = map(lane.policy_of, lane.readers)
        granted = [policy in (role.get("token_policies") or ()) for policy, role in zip(named, roles, strict=False)]
        if text is not None and f'"{lane.custody.mount}/data/{lane.custody.key}"' not in text:
            return "unknown"  # by hand, for more paths than this one, or for others
        return "open" if granted and all(granted) else "partly" if any(granted) else "nobody"

    def _secrets(self, lane: Lane) -> dict[str, SecretPresence]:
        if self._clusters is None:
            return {}
        return {each.cluster: self._secret(each) for each in targets(lane, self._clusters.declared)}

    def _secret(self, target: DeliveryTarget) -> SecretPresence:
        """The Secret's metadata, which holds no value."""
        name = target.cluster
        cluster = self._clusters[name] if self._clusters else None
        try:
            if isinstance(cluster, WardenError):
                raise cluster
            secret = cluster.get(secret_of(target)) if cluster else None
        except WardenError as fault:
            self.faults[f"cluster {name}"] = _cluster_fault(name, fault)
            return SecretPresence(reachable=False)
        if secret is None:
            return SecretPresence()
        metadata = secret["metadata"]
        version, deleting = str(metadata.get("resourceVersion", "")), bool(metadata.get("deletionTimestamp"))
        return SecretPresence(exists=True, resource_version=version, deleting=deleting)


def _cluster_fault(name: str, fault: WardenError) -> Inconclusive:
    """Why a cluster's deliveries are not known, whatever kind of fault it is: the rest is known all the same."""
    return Inconclusive(fault.problem, system=f"cluster {name}", subject=name, remedy=fault.remedy, hint=fault.hint)
