"""How a lane stands: what was measured of each stretch, what to do next, and whose turn it is."""

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from warden.core.access.authorization import readers_of
from warden.core.access.identities import log_in_as
from warden.core.journal.operations import CHANGING, Unfinished
from warden.core.journal.record import LaneState
from warden.core.lanes.lane import Delivery, Lane, PeopleReader
from warden.core.lifecycle.interrupted import InterruptedOperation, interrupted
from warden.core.lifecycle.leaks import for_leak, reopening
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.closed_mark import is_reopened, mark_in, mark_of
from warden.core.openbao.refill import refill
from warden.core.openbao.resources import is_template
from warden.core.remedies import EditFile, Remedy, warden
from warden.core.rotation.due import is_due
from warden.core.rotation.mark import rotation_in
from warden.core.routes.freshness import LastProof, Standing, last_proof
from warden.core.routes.proof_summary import DeliverySummary
from warden.core.routes.route import declaration, declared_route


class SecretPresence(msgspec.Struct, frozen=True, kw_only=True):
    """A short look at a delivered Secret: whether it exists, and its ``resourceVersion``, by which a change is noticed.

    ``reachable`` is false where it could not be looked at; ``deleting`` where it goes as soon as its finalizers are.
    """

    exists: bool = False
    resource_version: str = ""
    reachable: bool = True
    deleting: bool = False


DeliveryState = Literal[
    "not-looked-at",
    "unseen",
    "missing",
    "deleting",
    "by-hand",
    "unproven",
    "refuted",
    "inconclusive",
    "changed",
    "behind",
    "proven",
]
"""How a delivery stands. ``changed``: the Secret is not the one that was proven; ``behind``: OpenBao has a newer
version; ``not-looked-at``: this OpenBao has no connection to the cluster; ``unseen``: the cluster did not answer."""


class DeliveryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one delivery stands; the version that was proven of it and the newest one, 0 where that is not known."""

    state: DeliveryState
    version: int = 0
    newest: int = 0


Access = Literal["open", "partly", "nobody", "closed", "unknown"]
"""Whether the declared readers can read: all, some, none; ``unknown``: no answer, or it may not be looked at."""


class LaneObservation(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, beside the journal.

    Attributes:
        reachable: false where OpenBao did not answer; then nothing is claimed of it.
        metadata: of the lane's path; ``None`` where there is none.
        secrets: each delivery that was looked at.
        policy_remains: the lane is closed, and its policy still exists.
        changed_since: after the last proof something was applied, put or adopted.
        member_shown: after the last proof a member of a group of people has shown that it can read.
        access: whether the lane's policy reads its path, and its roles hand the policy out.
        put_since_closing: a value was put after the lane was closed.
        unfinished: the operations of which the journal has no end.
    """

    reachable: bool
    metadata: KvMetadata | None = None
    secrets: Mapping[str, SecretPresence] = {}
    policy_remains: bool = False
    changed_since: bool = False
    member_shown: bool = False
    access: Access = "unknown"
    put_since_closing: bool = False
    unfinished: tuple[Unfinished, ...] = ()


Reason = Literal[
    "placeholder",
    "closed-in-journal-only",
    "closed-for-leak",
    "closed",
    "openbao-unreachable",
    "interrupted",
    "not-applied",
    "access-missing",
    "no-value",
    "needs-member",
    "not-proven",
    "moved-on",
    "rotating",
    "rotation-due",
    "made-by-hand",
    "refuted",
    "not-promoted",
]
"""Why something is next. ``moved-on``: what was proven of a delivery is not what is there now; ``interrupted``: an
operation that changes something was killed, and how far it came is not known; ``rotating``: a rotation is under way, or
stopped before its end."""


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next, why, and whose turn it is: the repository of an owner."""

    owner: str
    reason: Reason
    remedy: Remedy


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one lane stands.

    Attributes:
        declared: the lane file's own status.
        version: the live version in OpenBao; 0 where there is none, ``None`` where that is not known.
        written: when the live version was written.
        access: who of the declared readers can read.
        needs_member: the last proof lacks nothing but what a member of a group of people can show.
        proof: how the last proof stands, and when it was made (ISO 8601 UTC; empty where there is none).
        next: ``None`` where nothing is to do.
        interrupted: the operations of which the journal has no end, oldest first.
        applied: whether the path is marked as this lane's; ``None`` where that is not known.
        also: what is left besides ``next``, and does not wait for it.
    """

    lane: str
    declared: str
    version: int | None
    written: dt.datetime | None
    closed: bool
    access: Access
    deliveries: dict[str, DeliveryStatus]
    proof: Standing
    proven_at: str
    next: NextStep | None
    needs_member: bool = False
    interrupted: tuple[InterruptedOperation, ...] = ()
    applied: bool | None = None
    also: tuple[NextStep, ...] = ()


def lane_status(
    lane: Lane, state: LaneState, observed: LaneObservation, now: dt.datetime, counts_for: dt.timedelta
) -> LaneStatus:
    """How a lane stands, from what the journal knows and what was looked at; a proof counts for that long."""
    proof = last_proof(state, declaration(declared_route(lane)), now, counts_for)
    proven = proof.summary.deliveries if proof and proof.counts else {}
    deliveries = {
        cluster: delivery_status(each, proven.get(cluster), observed.secrets.get(cluster), observed.metadata)
        for cluster, each in lane.deliveries.items()
    }
    live = observed.metadata is not None and observed.metadata.live
    steps = _steps(lane, state, observed, proof=proof, deliveries=deliveries, now=now)
    return LaneStatus(
        lane=lane.id,
        declared=lane.status,
        version=_live_version(observed),
        written=observed.metadata.written if observed.metadata and live else None,
        closed=_is_closed(state, observed),
        access="closed" if _is_closed(state, observed) else observed.access,
        deliveries=deliveries,
        proof=proof.standing if proof else "unproven",
        proven_at=proof.at if proof else "",
        needs_member=proof is not None and proof.lacks_members_only,
        interrupted=interrupted(lane, observed.unfinished),
        applied=_is_ours(lane, observed) if observed.reachable else None,
        next=steps[0] if steps else None,
        also=steps[1:],
    )


def delivery_status(
    delivery: Delivery, proven: DeliverySummary | None, secret: SecretPresence | None, metadata: KvMetadata | None
) -> DeliveryStatus:
    """One delivery: what was proven of it, if what is there now is still that."""
    if secret is None or not secret.reachable:
        return DeliveryStatus(state="not-looked-at" if secret is None else "unseen")
    if not secret.exists or secret.deleting:
        return DeliveryStatus(state="deleting" if secret.exists else "missing")
    if delivery.external_secret is None:
        return DeliveryStatus(state="by-hand")
    if proven is None or proven.state != "proven":
        return DeliveryStatus(state=proven.state if proven else "unproven")
    if proven.secret != secret.resource_version:
        return DeliveryStatus(state="changed")
    newest = metadata.current if metadata else 0
    behind = metadata is not None and newest != proven.version
    return DeliveryStatus(state="behind" if behind else "proven", version=proven.version, newest=newest)


def _live_version(observed: LaneObservation) -> int | None:
    if not observed.reachable:
        return None
    return observed.metadata.current if observed.metadata and observed.metadata.live else 0


_BY_THEMSELVES: frozenset[Reason] = frozenset({"rotation-due", "made-by-hand"})
"""What need not wait for what comes before it."""
_BEFORE_ALL: frozenset[Reason] = frozenset(
    {"placeholder", "closed-in-journal-only", "closed-for-leak", "closed", "openbao-unreachable", "rotating"}
)
"""After one of these nothing else is known, or nothing else may be done."""


def _steps(
    lane: Lane,
    state: LaneState,
    observed: LaneObservation,
    *,
    proof: LastProof | None,
    deliveries: Mapping[str, DeliveryStatus],
    now: dt.datetime,
) -> tuple[NextStep, ...]:
    """What has to be done, the first thing first; behind it what does not wait for it."""
    reasons = _reasons(lane, state, observed, proof=proof, deliveries=deliveries, now=now)
    due = [reason for holds, reason in reasons if holds]
    first = due[:1]
    others = [each for each in due[1:] if each in _BY_THEMSELVES and not _BEFORE_ALL & {*first}]
    steps = [
        NextStep(
            owner=lane.owners.custody.repo, reason=reason, remedy=_REMEDIES[reason](lane, state, observed, deliveries)
        )
        for reason in (*first, *others)
    ]
    if proof is None or not _is_ours(lane, observed) or _is_closed(state, observed) or not observed.reachable:
        return tuple(steps)
    advised = None if observed.changed_since else _advised(lane, proof)
    return tuple(steps) if advised is None else (advised, *(each for each in steps if each.reason in _BY_THEMSELVES))


def _advised(lane: Lane, proof: LastProof) -> NextStep | None:
    """What a refuted proof says has to be done first, by the owner of that stretch."""
    advice = proof.summary.next
    if proof.standing != "refuted" or not proof.applies or advice is None or not advice.remedy:
        return None
    owner = getattr(lane.owners, advice.stretch) or lane.owners.custody
    return NextStep(owner=owner.repo, reason="refuted", remedy=advice.remedy)


def _reasons(
    lane: Lane,
    state: LaneState,
    observed: LaneObservation,
    *,
    proof: LastProof | None,
    deliveries: Mapping[str, DeliveryStatus],
    now: dt.datetime,
) -> tuple[tuple[bool, Reason], ...]:
    """Every reason in its order, and whether it holds.

    Where none of several deliveries was looked at, a proof of custody is all that is expected.
    """
    metadata = observed.metadata
    states = [each.state for each in deliveries.values() if each.state != "not-looked-at"]
    enough = {"proven"} if states or not lane.deliveries else {"proven", "partial"}
    ours = _is_ours(lane, observed)
    return (
        (is_template(lane), "placeholder"),
        (observed.policy_remains or (ours and _is_unmarked(state, observed)), "closed-in-journal-only"),
        (_is_closed(state, observed) and _needs_new_value(state, observed), "closed-for-leak"),
        (_is_closed(state, observed), "closed"),
        (not observed.reachable, "openbao-unreachable"),
        (bool(_first_killed(lane, observed)), "interrupted"),
        (_rotating(lane, metadata), "rotating"),
        (not ours, "not-applied"),
        (observed.access in {"partly", "nobody"}, "access-missing"),
        (metadata is None or not metadata.live, "no-value"),
        (proof is not None and proof.lacks_members_only and not observed.member_shown, "needs-member"),
        (proof is None or proof.standing not in enough, "not-proven"),
        (any(each in {"changed", "behind", "deleting"} for each in states), "moved-on"),
        (lane.status == "draft", "not-promoted"),
        (_rotation_due(lane, metadata, now), "rotation-due"),
        (_made_by_hand(lane, deliveries) is not None, "made-by-hand"),
    )


def _is_ours(lane: Lane, observed: LaneObservation) -> bool:
    """Whether the path exists and is marked as this lane's."""
    return observed.metadata is not None and observed.metadata.custom.get("catalog-id") == lane.id


def _first_killed(lane: Lane, observed: LaneObservation) -> Remedy:
    """What finds out how the first change that was killed ended; empty where there is none."""
    found = interrupted(lane, observed.unfinished)
    changing = (each.remedy for each in found if each.state == "killed" and each.operation in CHANGING)
    return next(changing, ())


def _is_closed(state: LaneState, observed: LaneObservation) -> bool:
    """Whether the journal says so, or OpenBao."""
    return state.closed is not None or (observed.metadata is not None and mark_in(observed.metadata.custom) is not None)


def _is_unmarked(state: LaneState, observed: LaneObservation) -> bool:
    """Whether only the journal has the closing: other machines do not know of it, and it was not reopened by one."""
    if state.closed is None or observed.metadata is None or not observed.reachable:
        return False
    return mark_in(observed.metadata.custom) is None and not _is_reopened(state, observed)


def _is_reopened(state: LaneState, observed: LaneObservation) -> bool:
    """Whether another machine has opened what this one closed."""
    custom = observed.metadata.custom if observed.metadata else {}
    return state.closed is not None and is_reopened(mark_of(state.closed), custom)


def _needs_new_value(state: LaneState, observed: LaneObservation) -> bool:
    """Whether it was closed for a leak, and has had no new value since, as far as this journal knows."""
    leaked = state.closed is not None and for_leak(state.closed)
    return leaked and not observed.put_since_closing and not _is_reopened(state, observed)


def _rotation_due(lane: Lane, metadata: KvMetadata | None, now: dt.datetime) -> bool:
    """By the clock of the server that wrote the value, where it said what time it is there."""
    if metadata is None or metadata.written is None:
        return False
    return any(is_due(lane, each, metadata, now) for each in lane.rotations)


def _rotating(lane: Lane, metadata: KvMetadata | None) -> bool:
    """Whether the path has the mark of a rotation that has not ended, whichever machine began it."""
    mark = rotation_in(metadata.custom) if metadata else None
    return mark is not None and mark.field in lane.custody.fields


def _made_by_hand(lane: Lane, deliveries: Mapping[str, DeliveryStatus]) -> str | None:
    """The first cluster that was looked at whose Secret is declared as made by hand."""
    looked_at = (name for name, each in deliveries.items() if each.state != "not-looked-at")
    return next((name for name in looked_at if lane.deliveries[name].external_secret is None), None)


def _close_again(lane: Lane, state: LaneState) -> Remedy:
    reason = str(state.closed.body.get("reason") or "closed") if state.closed else "closed"
    return (warden("deactivate", lane.id, reason=reason),)


def _as_member(lane: Lane) -> Remedy:
    """Log in as one of the people, and prove."""
    people = (each for each in lane.readers if isinstance(each, PeopleReader))
    return (*(log_in_as(readers_of(lane), each) for each in itertools.islice(people, 1)), warden("prove", lane.id))


_REMEDIES: Mapping[Reason, Callable[[Lane, LaneState, LaneObservation, Mapping[str, DeliveryStatus]], Remedy]] = {
    "placeholder": lambda *_: (EditFile(file="lane", field="custody.path"),),
    "closed-in-journal-only": lambda lane, state, *_: _close_again(lane, state),
    "closed-for-leak": lambda lane, *_: reopening(lane.id, lane.custody.fields, new_value=True),
    "closed": lambda lane, *_: reopening(lane.id, lane.custody.fields, new_value=False),
    "openbao-unreachable": lambda *_: (warden("doctor"),),
    "interrupted": lambda lane, _, observed, __: _first_killed(lane, observed),
    "not-applied": lambda lane, *_: (warden("apply", lane.id),),
    "access-missing": lambda lane, *_: (warden("apply", lane.id),),
    "no-value": lambda lane, _, observed, __: refill(lane, observed.metadata),
    "needs-member": lambda lane, *_: _as_member(lane),
    "not-proven": lambda lane, *_: (warden("prove", lane.id),),
    "moved-on": lambda lane, *_: (warden("prove", lane.id),),
    "not-promoted": lambda lane, *_: (warden("promote", lane.id),),
    "rotating": lambda lane, *_: (warden("rotate", lane.id, resume=True),),
    "rotation-due": lambda lane, *_: (warden("rotate", lane.id, due=True),),
    "made-by-hand": lambda lane, _, __, deliveries: (
        warden("adopt", lane.id, cluster=_made_by_hand(lane, deliveries) or ""),
    ),
}
