"""sync: force a refresh of every delivery of a lane now, and wait until each was followed. No value is read."""

from collections.abc import Mapping, Sequence

import msgspec

from warden.domain.cluster import Leg
from warden.domain.delivery import Sync, quoted
from warden.domain.errors import Closed, Missing, WardenError
from warden.domain.lane import Lane
from warden.domain.manifests import external_secret_of
from warden.ports import Cluster, Journal
from warden.verbs.refresh import PATIENCE, refresh


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it in one cluster; ``why`` is empty where it was followed."""

    cluster: str
    external_secret: str
    followed: str
    why: str
    ms: float


def sync(
    lane: Lane,
    legs: Sequence[Leg],
    clusters: Mapping[str, Cluster | WardenError],
    journal: Journal,
    *,
    patience: float = PATIENCE,
) -> list[Synced]:
    """Refresh the lane's deliveries, one after the other.

    Raises:
        Closed: the journal says that the lane is closed; nothing was asked for.
        Missing: none of its deliveries is External Secrets Operator's.
        JournalUnwritable: nothing was asked for.
    """
    if journal.state(lane.id).closed is not None:
        raise Closed(f"{lane.id} is closed. Nothing was asked for.", subject=lane.id, hint="warden journal log")
    mine = [leg for leg in legs if not leg.by_hand]
    if not mine:
        raise Missing(
            f"{lane.id} is delivered nowhere by External Secrets Operator. Nothing was asked for.",
            subject=lane.id,
            hint=f"warden route show {lane.id}",
        )
    journal.record("sync.begin", lane.id, {"clusters": [leg.cluster for leg in mine]})
    done = [_one(leg, clusters[leg.cluster], patience) for leg in mine]
    journal.record("sync.done", lane.id, {"clusters": {each.cluster: each.followed for each in done}})
    return done


def _one(leg: Leg, cluster: Cluster | WardenError, patience: float) -> Synced:
    try:
        if isinstance(cluster, WardenError):
            raise cluster
        found = refresh(cluster, external_secret_of(leg), patience)
    except WardenError as fault:
        found = Sync(followed="silent", why=fault.message)
    return Synced(
        cluster=leg.cluster,
        external_secret=leg.delivery.secret,
        followed=found.followed,
        why=quoted(found.why) or ("there is no such ExternalSecret" if found.followed == "absent" else ""),
        ms=round(found.ms, 1),
    )
