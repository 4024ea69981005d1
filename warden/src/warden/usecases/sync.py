"""sync: force a refresh of every delivery of a lane now, and wait until each was followed. No value is read.

A refresh that was not followed says little about the delivery while OpenBao gives no answer: then OpenBao is named, and
the delivery is neither right nor wrong.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from warden.core.clusters.manifests import external_secret_of, store_of
from warden.core.errors import Closed, Missing, Refused, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.proofs.delivery_observation import Sync
from warden.core.proofs.delivery_verdicts import quoted
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.recorded import although
from warden.usecases.refresh import NOT_BLAMED, PATIENCE, no_answer_of, refresh

UNANSWERED = re.compile(
    r"Code: 50\d|is sealed|connection refused|connection reset|no such host|no route to host|i/o timeout|timed? ?out"
    r"|deadline exceeded|\bEOF\b|certificate",
    re.IGNORECASE,
)
"""How External Secrets Operator says that OpenBao gave it no answer: the words of OpenBao's client and of Go's net."""


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it in one cluster; ``why`` is empty where it was followed.

    ``followed`` is as in `Sync`, or ``refused``: the cluster does not let this caller ask for it.

    ``hint`` is what to do first, where it is not the delivery that has to be looked at.
    """

    cluster: str
    external_secret: str
    followed: str
    why: str
    ms: float
    hint: str = ""


def sync(
    lane: Lane,
    targets: Sequence[DeliveryTarget],
    clusters: Mapping[str, Cluster | WardenError],
    vault: Vault,
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
    mine = [target for target in targets if not target.by_hand]
    if not mine:
        raise Missing(
            f"{lane.id} is delivered nowhere by External Secrets Operator. Nothing was asked for.",
            subject=lane.id,
            hint=f"warden route show {lane.id}",
        )
    journal.record("sync.begin", lane.id, {"clusters": [target.cluster for target in mine]})
    done = [_one(target, clusters[target.cluster], vault, patience) for target in mine]
    with although(f"{lane.id} was asked for in {', '.join(each.cluster for each in done)}"):
        journal.record("sync.done", lane.id, {"clusters": {each.cluster: each.followed for each in done}})
    return done


def _one(target: DeliveryTarget, cluster: Cluster | WardenError, vault: Vault, patience: float) -> Synced:
    hint, refused = "", False
    try:
        if isinstance(cluster, WardenError):
            raise cluster
        found = refresh(cluster, external_secret_of(target), patience)
        if found.followed in {"failed", "silent"}:
            found, hint = _unanswered(_with_reason(found, target, cluster), vault)
            hint = hint or _no_value(target.lane, vault)
    except WardenError as fault:
        found, hint, refused = Sync(followed="silent", why=fault.message), fault.hint, isinstance(fault, Refused)
    return Synced(
        cluster=target.cluster,
        external_secret=target.delivery.secret,
        followed="refused" if refused else found.followed,
        why=quoted(found.why) or ("there is no such ExternalSecret" if found.followed == "absent" else ""),
        ms=round(found.ms, 1),
        hint=hint,
    )


def _no_value(lane: Lane, vault: Vault) -> str:
    """How a value gets there, where OpenBao holds none; empty where it does, or where that may not be looked at."""
    try:
        found = vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        return ""
    return "" if found and found.live else f"warden put {lane.id} {lane.custody.fields[0]}"


def _with_reason(found: Sync, target: DeliveryTarget, cluster: Cluster) -> Sync:
    """The store's own words, where all that is said of the delivery is that its store is not ready."""
    if not found.why.endswith("is not ready"):
        return found
    try:
        events = cluster.events(store_of(target))
    except WardenError:
        return found
    bad = (each for each in reversed(events) if each.get("type") != "Normal")
    said = next((str(each["message"]) for each in bad if each.get("message")), "")
    return msgspec.structs.replace(found, why=f"{found.why}: {said}" if said else found.why)


def _unanswered(found: Sync, vault: Vault) -> tuple[Sync, str]:
    """The same, or that OpenBao gave no answer, and what to do about that."""
    if away := no_answer_of(vault):
        return Sync(followed="silent", why=away[0], ms=found.ms), away[1]
    if found.followed == "failed" and UNANSWERED.search(found.why):
        said = (
            f"OpenBao {vault.address} gave External Secrets Operator no answer, it answers here: {quoted(found.why)}."
        )
        hint = "does the cluster reach it? openbao and openbao_ca in clusters.yaml"
        return Sync(followed="silent", why=f"{said} {NOT_BLAMED}", ms=found.ms), hint
    return found, ""
