"""status: every lane's standing, from OpenBao's metadata and the journal; no value is read and nothing is changed."""

from collections.abc import Mapping, Sequence

from warden.core.clusters.manifests import secret_of
from warden.core.errors import Inconclusive, WardenError
from warden.core.journal.record import LaneState
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.lane_status import Glance, Standing, standing
from warden.core.openbao.resources import is_template
from warden.ports.clock import Clock
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal
from warden.ports.vault import Vault

DONE = ("apply.done", "put.done", "adopt.done")
"""After one of these what a proof advised may have been done."""


def status(
    lanes: Sequence[Lane],
    vault: Vault | None,
    journal: Journal,
    clock: Clock,
    *,
    targets: Mapping[str, Sequence[DeliveryTarget]] | None = None,
    clusters: Mapping[str, Cluster | WardenError] | None = None,
) -> tuple[list[Standing], list[WardenError]]:
    """The standing of each lane, and what kept a part of it from being seen (one fault for each kind and cluster)."""
    states, system = journal.states(), vault.address if vault else ""
    found: list[Standing] = []
    faults: dict[str, WardenError] = {}
    for lane in lanes:
        metadata, seen = None, False
        if vault is not None and not is_template(lane) and "unreachable" not in faults:
            try:
                metadata, seen = vault.kv_metadata(lane.custody.mount, lane.custody.key), True
            except WardenError as fault:
                faults[fault.kind] = fault
        glances = {
            target.cluster: _glance(target, (clusters or {})[target.cluster])
            for target in (targets or {}).get(lane.id, ())
        }
        known = states.get(lane.id, LaneState())
        ajar = seen and known.closed is not None and vault is not None and _ajar(lane, vault)
        done = known.proof is not None and bool(journal.log(lane=lane.id, after=known.proof.seq, events=DONE, last=1))
        found.append(
            standing(lane, metadata, known, clock(), seen=seen, glances=glances, system=system, ajar=ajar, done=done)
        )
        faults |= {f"cluster {name}": _unseen(name, glance) for name, glance in glances.items() if glance.unseen}
    return found, list(faults.values())


def _ajar(lane: Lane, vault: Vault) -> bool:
    """Whether a lane that the journal says is closed still has its policy; who may not look at policies is not told."""
    try:
        return vault.policy(lane.custody.policy_name) is not None
    except WardenError:
        return False


def _glance(target: DeliveryTarget, cluster: Cluster | WardenError) -> Glance:
    """The Secret's metadata, which holds no value."""
    try:
        if isinstance(cluster, WardenError):
            raise cluster
        secret = cluster.get(secret_of(target))
    except WardenError as fault:
        return Glance(unseen=fault.message)
    return Glance(there=secret is not None, secret=str(secret["metadata"].get("resourceVersion", "")) if secret else "")


def _unseen(name: str, glance: Glance) -> WardenError:
    return Inconclusive(glance.unseen, system=f"cluster {name}", subject=name, hint="what it delivers is shown as ?")
