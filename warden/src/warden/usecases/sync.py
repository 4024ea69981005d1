"""sync: force a refresh of every delivery of a lane now, and wait until each was followed. No value is read.

A refresh that was not followed says little about the delivery while OpenBao gives no answer: then OpenBao is named, and
the delivery is neither right nor wrong.
"""

import re
from typing import Literal

import msgspec

from warden.core.clusters.manifests import external_secret_of, store_of
from warden.core.errors import Effect, Exit, Missing, Refused, WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.openbao.refill import refill
from warden.core.plans.lane_plan import LaneOptions, NotConnected, worst
from warden.core.proofs.delivery_details import NoReaction
from warden.core.proofs.delivery_observation import Followed, Sync
from warden.core.quoting import quoted
from warden.core.remedies import CheckFields, Remedy, RunBao, warden
from warden.core.unobserved import Unobserved
from warden.ports.cluster import Cluster
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.steps.closing import expect_open
from warden.usecases.steps.killed_operations import ends_of_killed_syncs
from warden.usecases.steps.recorded import begun, effect_so_far
from warden.usecases.steps.refresh import PATIENCE, openbao_away, refresh

UNANSWERED = re.compile(
    r"Code: 50\d|is sealed|connection refused|connection reset|no such host|no route to host|i/o timeout|timed? ?out"
    r"|deadline exceeded|\bEOF\b|certificate",
    re.IGNORECASE,
)
"""How External Secrets Operator says that OpenBao gave it no answer: the words of OpenBao's client and of Go's net."""


class NothingDelivered(msgspec.Struct, frozen=True):
    """External Secrets Operator delivers nothing of the lane."""

    lane: str


class Requested(msgspec.Struct, frozen=True):
    """An effect: the refreshes of these clusters were requested."""

    clusters: tuple[str, ...]


class OperatorReply(msgspec.Struct, frozen=True, tag="reply"):
    """External Secrets Operator tried, and this is what it said."""

    text: str


class NoExternalSecret(msgspec.Struct, frozen=True, tag="absent"):
    """There is no such ExternalSecret."""


class OpenBaoAway(msgspec.Struct, frozen=True, tag="openbao-away"):
    """OpenBao gives no answer here either; this says nothing about the delivery."""

    because: Unobserved


class NoAnswerThere(msgspec.Struct, frozen=True, tag="no-answer-there"):
    """OpenBao answers here, and gave External Secrets Operator no answer; ``reply`` is what the operator said."""

    address: str
    reply: str


Cause = OperatorReply | NoReaction | NoExternalSecret | OpenBaoAway | NoAnswerThere | Unobserved


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it in one cluster; ``cause`` is ``None`` where it was followed.

    ``refused``: the cluster does not let this caller ask for it. ``remedy`` comes first where it is not the delivery
    that has to be looked at; ``hint`` is the cluster's own.
    """

    cluster: str
    external_secret: str
    followed: Followed | Literal["refused"]
    ms: float
    cause: Cause | None = None
    remedy: Remedy = ()
    hint: str = ""


class LaneSync(msgspec.Struct, frozen=True, kw_only=True):
    """Every delivery of a lane."""

    lane: str
    done: tuple[Synced, ...]
    not_connected: NotConnected = NotConnected()

    @property
    def exit(self) -> Exit:
        """Followed everywhere, or the worst that was seen."""
        return worst(_EXITS[each.followed] for each in self.done)

    @property
    def next(self) -> Remedy:
        """What gave no answer comes first, then what is not there; prove knows whose turn it is in the rest."""
        if remedy := next((each.remedy for each in self.done if each.remedy), ()):
            return (*remedy, warden("sync", self.lane))
        absent = any(each.followed == "absent" for each in self.done)
        return (warden("apply" if absent else "prove", self.lane),)


_EXITS = {
    "synced": Exit.DONE,
    "silent": Exit.INCONCLUSIVE,
    "refused": Exit.REFUSED,
    "failed": Exit.NO,
    "absent": Exit.NO,
}


def sync(lane: Lane, context: Context, options: LaneOptions, *, patience: float = PATIENCE) -> LaneSync:
    """Refresh the lane's deliveries, one after the other; `patience` in seconds, for each.

    Raises:
        Closed: the journal or OpenBao says that the lane is closed; no refresh was asked for.
        Missing: External Secrets Operator delivers nothing of it.
        UsageError: the embedded platform has none of the lane's clusters.
        JournalUnwritable: nothing was asked, unless its effect says otherwise.
    """
    deliveries = context.deliveries(lane, options)
    if not deliveries and context.clusters.embedded and lane.deliveries:
        raise context.not_in_platform(lane, list(lane.deliveries))
    expect_open([lane], context.vault, context.journal, Effect.NOTHING_ASKED)
    mine = [each for each in deliveries if not each.by_hand]
    if not mine:
        show = warden("route show", lane.id)
        raise Missing(NothingDelivered(lane.id), effect=Effect.NOTHING_ASKED, subject=lane.id, remedy=(show,))
    names = tuple(each.cluster for each in mine)
    with begun("sync", lane.id, {"clusters": list(names)}, context.journal) as end:
        done = tuple(sync_delivery(each, context.clusters[each.cluster], context, patience) for each in mine)
        followed = {each.cluster: each.followed for each in done}
        ended = ("sync.done", lane.id, end | {"clusters": followed})
        with effect_so_far(Requested(names)):
            context.journal.record_all([ended, *ends_of_killed_syncs(lane.id, followed, context.journal)])
    return LaneSync(lane=lane.id, done=done, not_connected=context.not_connected(lane))


def sync_delivery(
    delivery: DeliveryTarget, cluster: Cluster | WardenError, context: Context, patience: float
) -> Synced:
    """One delivery; a cluster that cannot be asked is a part of the answer."""
    answer = Synced(cluster=delivery.cluster, external_secret=delivery.delivery.secret, followed="silent", ms=0.0)
    try:
        if isinstance(cluster, WardenError):
            raise cluster
        found = refresh(cluster, external_secret_of(delivery), patience)
        if found.followed == "failed":
            found = msgspec.structs.replace(found, reply=_with_store_reason(found.reply, delivery, cluster))
    except WardenError as fault:
        refused = isinstance(fault, Refused)
        cause = Unobserved(fault.kind, fault.system, fault.problem)
        followed: Followed | Literal["refused"] = "refused" if refused else "silent"
        return msgspec.structs.replace(answer, followed=followed, cause=cause, remedy=fault.remedy, hint=fault.hint)
    answer = msgspec.structs.replace(answer, followed=found.followed, ms=round(found.ms, 1))
    return answer if found.followed == "synced" else _explained(answer, found, delivery.lane, context)


def _explained(answer: Synced, found: Sync, lane: Lane, context: Context) -> Synced:
    """Why it was not followed. While OpenBao gives no answer, that is the reason, and no fault of the delivery."""
    if found.followed == "absent":
        return msgspec.structs.replace(answer, cause=NoExternalSecret())
    if away := openbao_away(context.vault):
        cause = OpenBaoAway(away)
        return msgspec.structs.replace(answer, followed="silent", cause=cause, remedy=_unseal(away))
    if found.followed == "failed" and UNANSWERED.search(found.reply):
        there = NoAnswerThere(context.vault.address, quoted(found.reply))
        reach = CheckFields("clusters.yaml", (f"{answer.cluster}.openbao", f"{answer.cluster}.openbao_ca"))
        return msgspec.structs.replace(answer, followed="silent", cause=there, remedy=(reach,))
    why = found.silence if found.followed == "silent" else OperatorReply(quoted(found.reply))
    return msgspec.structs.replace(answer, cause=why, remedy=_no_value(lane, context.vault))


def _unseal(away: Unobserved) -> Remedy:
    """How a sealed OpenBao is opened."""
    return (RunBao(action="unseal") if away.kind == "sealed" else warden("doctor"),)


def _no_value(lane: Lane, vault: Vault) -> Remedy:
    """How a value gets there, where OpenBao holds none; empty where it does, or where that may not be looked at."""
    try:
        found = vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        return ()
    return () if found and found.live else refill(lane, found)


def _with_store_reason(reply: str, delivery: DeliveryTarget, cluster: Cluster) -> str:
    """The operator's words, with those about the store where all it says is that the store is not ready."""
    if not reply.endswith("is not ready"):
        return reply
    try:
        events = cluster.events(store_of(delivery))
    except WardenError:
        return reply
    bad = (each for each in reversed(events) if each.get("type") != "Normal")
    reason = next((str(each["message"]) for each in bad if each.get("message")), "")
    return f"{reply}: {reason}" if reason else reply
