"""A lane's standing at a glance: what was measured of each stretch, what to do next, and whose turn it is."""

import datetime as dt
import shlex
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from warden.core.journal.record import LaneState
from warden.core.lanes.lane import Delivery, Lane
from warden.core.lanes.route import basis, of_late, still_of
from warden.core.lanes.routing import draw
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.resources import is_template

"""A proof older than this is shown as stale: "active" without a fresh proof is unproven."""


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """A short look at a delivered Secret: whether it is there, and the state by which a change is noticed.

    ``unseen`` says why nothing could be seen.
    """

    there: bool = False
    secret: str = ""
    unseen: str = ""


DeliveryState = Literal[
    "not looked at",
    "unseen",
    "missing",
    "by hand",
    "unproven",
    "refuted",
    "inconclusive",
    "changed",
    "behind",
    "proven",
]
"""How a delivery stands. ``changed``: the Secret is not the one that was proven; ``behind``: OpenBao is further;
``not looked at``: no cluster of this OpenBao; ``unseen``: it was looked for, and there was no answer."""

ProofState = Literal["never", "proven", "refuted", "inconclusive", "stale", "partial"]
"""``stale``: too old to count, or of something else than what is declared here and open now; ``partial``: it left
deliveries out."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """How one delivery stands; the version that was proven of it and the newest one, 0 where that is not known."""

    state: DeliveryState
    version: int = 0
    newest: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``warden status``. Times are ISO 8601 UTC, empty where there is none."""

    lane: str
    status: str
    custody: str
    access: str
    deliveries: dict[str, str]
    proof: str
    proven_at: str
    written_at: str
    next_owner: str
    next_action: str


def standing(
    lane: Lane,
    metadata: KvMetadata | None,
    state: LaneState,
    now: dt.datetime,
    *,
    seen: bool,
    glances: Mapping[str, Glance] | None = None,
    system: str = "",
    ajar: bool = False,
    done: bool = False,
) -> Standing:
    """How a lane stands. `seen` is false where OpenBao did not answer: then nothing is claimed of it.

    `glances` has what was seen of each delivery; one that is missing was not looked at. `system` is the address of the
    OpenBao that was asked: a proof of another one is none of it. `ajar`: closed in the journal, and its policy is still
    there. `done`: after the last proof something was applied, put or adopted.
    """
    here = glances or {}
    held = still_of(state, basis(draw(lane))) and (not seen or _is_of(state, system))
    counted = held and state.proof is not None and of_late(state.proof, now)
    found = {
        cluster: delivered(each, _proven(state, cluster) if counted else {}, here.get(cluster), metadata)
        for cluster, each in lane.deliveries.items()
    }
    proof = proof_state(state, counted=counted)
    advised = _advised(lane, state, proof) if held and not done else None
    owner, action = _next(lane, metadata, state, now, seen=seen, found=found, ajar=ajar, proof=proof, advised=advised)
    return Standing(
        lane=lane.id,
        status=lane.status,
        custody=_custody(metadata, seen=seen),
        access="closed" if state.closed else "open",
        deliveries={cluster: delivery_word(each) for cluster, each in found.items()},
        proof=proof,
        proven_at=state.proof.at if state.proof else "",
        written_at=_utc(metadata.written) if metadata and metadata.written and metadata.live else "",
        next_owner=owner,
        next_action=action,
    )


def _is_of(state: LaneState, system: str) -> bool:
    """Whether the last proof is of that OpenBao, as far as both are known."""
    return state.proof is None or not system or state.proof.body.get("system", system) == system


def _proven(state: LaneState, cluster: str) -> Mapping[str, Any]:
    """What the last proof says of a delivery."""
    found = (state.proof.body.get("deliveries") or {}).get(cluster) if state.proof else None
    return dict(found or {})


def delivered(
    delivery: Delivery, proven: Mapping[str, Any], glance: Glance | None, metadata: KvMetadata | None
) -> Delivered:
    """One delivery: what was proven of it, if what is there now is still that."""
    state = _unproven(delivery, glance) or cast("DeliveryState", proven.get("state") or "unproven")
    if state != "proven" or glance is None:
        return Delivered(state=state)
    if proven.get("secret") != glance.secret:
        return Delivered(state="changed")
    version = int(proven.get("version") or 0)
    newest = metadata.current if metadata else 0
    return Delivered(state="behind" if metadata and newest != version else "proven", version=version, newest=newest)


def _unproven(delivery: Delivery, glance: Glance | None) -> DeliveryState | None:
    """What is so whatever was proven; ``None`` where the last proof decides."""
    if glance is None or glance.unseen:
        return "not looked at" if glance is None else "unseen"
    if not glance.there:
        return "missing"
    return "by hand" if delivery.external_secret is None else None


def delivery_word(found: Delivered) -> str:
    """The same in a word or two."""
    words = {"not looked at": "not here", "unseen": "?", "missing": "MISSING", "changed": "changed since"}
    words |= {"behind": f"v{found.version}, not v{found.newest}", "proven": f"v{found.version} proven"}
    return words.get(found.state, found.state)


def _utc(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def proof_state(state: LaneState, *, counted: bool) -> ProofState:
    """How the last proof stands, and whether it still counts; one without a state is inconclusive."""
    if state.proof is None:
        return "never"
    said = cast("ProofState", state.proof.body.get("state", "inconclusive"))
    if said != "proven":
        return said
    if not counted:
        return "stale"
    return "proven" if state.proof.body.get("scope", "lane") == "lane" else "partial"


def _custody(metadata: KvMetadata | None, *, seen: bool) -> str:
    if not seen:
        return "?"
    if metadata is None or not metadata.live:
        return "no value"
    return f"v{metadata.current}"


def _next(
    lane: Lane,
    metadata: KvMetadata | None,
    state: LaneState,
    now: dt.datetime,
    *,
    seen: bool,
    found: Mapping[str, Delivered],
    ajar: bool,
    proof: ProofState,
    advised: tuple[str, str] | None,
) -> tuple[str, str]:
    """The first thing that stands in the way, and the owner who can take it out of it.

    Where none of several deliveries was looked at, a proof of custody is all there is.
    """
    here = [name for name, each in found.items() if each.state != "not looked at"]
    by_hand = next((name for name in here if lane.deliveries[name].external_secret is None), None)
    moved = any(each.state in {"changed", "behind"} for each in found.values())
    enough = {"proven"} if here or not lane.deliveries else {"proven", "partial"}
    ours = metadata is not None and metadata.custom.get("catalog-id") == lane.id
    if advised is not None and ours and state.closed is None and seen:
        return advised
    steps = (
        (is_template(lane), "write the concrete path into the lane's file"),
        (ajar, f"close it in OpenBao, too: warden deactivate {lane.id} --reason {shlex.quote(_reason(state))}"),
        (state.closed is not None, f"warden reactivate {lane.id}"),
        (not seen, "warden doctor"),
        (not ours, f"warden apply {lane.id}"),
        (metadata is None or not metadata.live, f"warden put {lane.id} {lane.custody.fields[0]}"),
        (proof not in enough, f"warden prove {lane.id}"),
        (moved, f"warden prove {lane.id}"),
        (_overdue(lane, metadata, now), f"rotate: warden put {lane.id} {lane.custody.fields[0]}"),
        (by_hand is not None, f"warden adopt {lane.id} --cluster {by_hand}"),
    )
    action = next((action for due, action in steps if due), "")
    return (lane.owners.custody.repo, action) if action else ("", "")


def _reason(state: LaneState) -> str:
    return str(state.closed.body.get("reason") or "closed") if state.closed else ""


def _advised(lane: Lane, state: LaneState, proof: ProofState) -> tuple[str, str] | None:
    """What the last proof found wrong first: whose turn it is, and the command that mends it."""
    if state.proof is None or proof != "refuted":
        return None
    said = state.proof.body.get("next") or {}
    owner = getattr(lane.owners, str(said.get("stretch", "")), None) or lane.owners.custody
    return (owner.repo, str(said["mend"])) if said.get("mend") else None


def _overdue(lane: Lane, metadata: KvMetadata | None, now: dt.datetime) -> bool:
    if lane.rotation is None or metadata is None or metadata.written is None:
        return False
    return (now - metadata.written).total_seconds() > lane.rotation.every
