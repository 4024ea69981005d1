"""The boxes of a lane's page: which of them are ticked, by what, and why the others are not.

A box is ticked only by a proof that counts, or by what was looked at just now. Neither is a pass by itself: where a
look contradicts a proof, the box is empty.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.lane_status import LaneStatus
from warden.core.lifecycle.next_actions import NextAction
from warden.core.lifecycle.promotion import ConditionId, condition_of
from warden.core.routes.freshness import LastProof
from warden.core.routes.proof_states import Result
from warden.core.routes.proof_summary import NotOk

BoxId = Literal[
    "need",
    "path",
    "value",
    "declared",
    "kept",
    "reads",
    "others",
    "delivers",
    "by-hand",
    "others-there",
    "consumers",
    "smoke",
    "rotation",
    "rotated",
]
"""Those that a proof decides bear the names of the promotion gate's conditions (`core.lifecycle.promotion`)."""

Why = Literal[
    "for-a-person",
    "closed",
    "not-known",
    "not-looked-at",
    "other-declaration",
    "refuted",
    "inconclusive",
    "not-in-proof",
    "too-old",
    "not-there",
    "partly",
    "missing",
    "deleting",
    "changed",
    "behind",
    "due",
    "not-rotated",
    "rotating",
    "rotation-unproven",
]
"""Why a box is empty. ``for-a-person``: no program looks at it; ``not-known``: the journal has no proof of the lane.

``other-declaration``: the proof is of what was declared before, or from before the lane was closed."""


Look = Why | Literal["yes", "no-look"]
"""What a short look says of a box: yes, why not, or that there was none."""


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """What a box is ticked by: a proof or a rotation, by date and record, or a look, by its day (ISO 8601)."""

    by: Literal["proof", "look", "rotation"]
    at: str
    record: int = 0


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One box: ticked, or empty for a reason.

    Attributes:
        id: what it is about.
        subject: the reader or the cluster.
        tick: what it is ticked by.
        why: why it is empty.
        known: whether this run looked at anything that decides it.
    """

    id: BoxId
    subject: str = ""
    tick: Tick | None = None
    why: Why | None = None
    known: bool = True


class LaneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A change request of the lane: its type, and its status by the signatures in it."""

    id: str
    request_type: str
    status: str


class PlaybookFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a lane besides its file.

    Attributes:
        status: how it stands; ``ageless``: how it would stand if a proof counted for ever.
        proof: its last proof.
        shown: each verdict of that proof that was measured, and what came of it.
        closed: the record that closed it; ``promoted`` the one that made it active.
        today: the day of the look.
        rotation: the newest record of a rotation.
        requests: its change requests, by id.
        left: what is left to do; ``left_ageless``: what would be if a proof counted for ever.
    """

    status: LaneStatus
    ageless: LaneStatus
    today: dt.date
    proof: LastProof | None = None
    shown: tuple[tuple[NotOk, Result], ...] = ()
    closed: Record | None = None
    promoted: Record | None = None
    rotation: Record | None = None
    requests: tuple[LaneRequest, ...] = ()
    left: tuple[NextAction, ...] = ()
    left_ageless: tuple[NextAction, ...] = ()

    @property
    def looked(self) -> bool:
        """Whether OpenBao answered."""
        return self.status.version is not None


_READ = frozenset({"reads", "member"})
_RUN = frozenset({"consumer"})
_EVERYWHERE = frozenset({"audit", "closed"})
"""A proof in which one of these is not as expected ticks nothing."""

Concerns = Callable[[NotOk], bool]


def boxes(lane: Lane, facts: PlaybookFacts, *, aged: bool = True) -> tuple[Box, ...]:
    """Every box of the lane, in the order of its page; without `aged` a proof ticks however old it is."""
    return tuple(_Boxes(lane, facts, aged=aged).all())


class _Boxes:
    def __init__(self, lane: Lane, facts: PlaybookFacts, *, aged: bool) -> None:
        self._lane = lane
        self._facts = facts
        self._aged = aged

    def all(self) -> Iterator[Box]:
        yield Box(id="need", why="for-a-person")
        yield self._looked_at(self._proven(_of("path", but="live-version"), "path"), self._path())
        yield self._looked_at(self._proven(_of_value, "value"), self._value())
        yield self._looked_at(self._proven(_of("declared"), "declared"), self._access())
        yield self._proven(_of("kept"), "kept")
        for label in dict.fromkeys(each.label for each in self._lane.readers):
            yield self._proven(_of("reads", reader=label), "reads", label, seen=self._has_shown(_READ, reader=label))
        everybody = all(self._has_shown(_READ, reader=each.label) for each in self._lane.readers)
        yield self._proven(_of("others"), "others", seen=everybody)
        for cluster, delivery in self._lane.deliveries.items():
            yield from self._delivery(cluster, "delivers" if delivery.external_secret else "by-hand")
        yield Box(id="smoke", why="for-a-person")
        if self._lane.rotations:
            yield self._rotation()
            yield self._rotated()

    def _proven(self, concerns: Concerns, box: BoxId, subject: str = "", *, seen: bool = True) -> Box:
        """The box as the last proof has it; `seen`: the proof asked."""
        why = self._why_not(concerns, seen=seen)
        proof = self._facts.proof
        if why is None and proof is not None:
            return Box(id=box, subject=subject, tick=Tick(by="proof", at=proof.at, record=proof.record))
        return Box(id=box, subject=subject, why=why, known=why != "not-known")

    def _why_not(self, concerns: Concerns, *, seen: bool) -> Why | None:
        proof = self._facts.proof
        if self._facts.status.closed:
            return "closed"
        if proof is None:
            return "not-known"
        if not proof.applies:
            return "other-declaration"
        against = [each for each in proof.summary.not_ok if concerns(each) or each.probe in _EVERYWHERE]
        if against:
            results = {each.result for each in against}
            wrong = "wrong" in results or (None in results and proof.summary.state == "refuted")
            return "refuted" if wrong else "inconclusive"
        if not seen:
            return "not-in-proof"
        return "too-old" if self._aged and not proof.recent else None

    def _looked_at(self, proven: Box, look: Look) -> Box:
        """A box that a look can decide too: it takes a tick away, and gives one where no proof says otherwise."""
        if proven.why == "closed":
            return proven
        if look == "no-look":
            unknown = proven.tick is None and proven.why in {"not-known", "too-old", "other-declaration"}
            return msgspec.structs.replace(proven, known=False) if unknown else proven
        if look != "yes":
            return msgspec.structs.replace(proven, tick=None, why=look, known=True)
        if proven.why in {"not-known", "too-old", "other-declaration", "not-in-proof"}:
            tick = Tick(by="look", at=self._facts.today.isoformat())
            return msgspec.structs.replace(proven, tick=tick, why=None, known=True)
        return proven

    def _path(self) -> Look:
        applied = self._facts.status.applied
        return "no-look" if applied is None else "yes" if applied else "not-there"

    def _value(self) -> Look:
        version = self._facts.status.version
        return "no-look" if version is None else "yes" if version else "not-there"

    def _access(self) -> Look:
        """A look shows that access is gone. That policy and roles are as declared is shown by a proof alone."""
        access = self._facts.status.access
        return "partly" if access == "partly" else "not-there" if access == "nobody" else "no-look"

    def _has_shown(self, probes: frozenset[str], *, reader: str = "", cluster: str = "") -> bool:
        """Whether the proof measured one of these, with the expected answer."""
        return any(
            (each.reader == reader or not reader)
            and each.cluster == cluster
            and each.probe in probes
            and result == "ok"
            for each, result in self._facts.shown
        )

    def _delivery(self, cluster: str, box: BoxId) -> Iterator[Box]:
        proof = self._facts.proof
        seen = proof is not None and cluster in proof.summary.deliveries
        yield self._looked_at(self._proven(_of_delivery(cluster), box, cluster, seen=seen), self._secret(cluster))
        if box == "delivers":
            yield self._proven(_of("others-there", cluster=cluster), "others-there", cluster, seen=seen)
        if self._lane.consumers:
            ran = self._has_shown(_RUN, cluster=cluster)
            yield self._proven(_of("consumers", cluster=cluster), "consumers", cluster, seen=ran)

    def _secret(self, cluster: str) -> Look:
        """What a short look at the Secret says; where it exists, External Secrets Operator may not have made it."""
        state = self._facts.ageless.deliveries[cluster].state
        match state:
            case "missing" | "deleting" | "changed" | "behind":
                return state
            case "by-hand":
                return "yes"
            case _:
                return "no-look"

    def _rotated(self) -> Box:
        """How the newest rotation in the journal ended; one that was taken back counts as none."""
        record = self._facts.rotation
        if record is not None and record.event == "rotate.done":
            return Box(id="rotated", tick=Tick(by="rotation", at=record.at, record=record.seq))
        why = _NOT_OVER.get(record.event, "not-rotated") if record is not None else "not-rotated"
        return Box(id="rotated", why=why, known=why != "not-rotated")

    def _rotation(self) -> Box:
        written = self._facts.status.written
        if self._facts.status.closed:
            return Box(id="rotation", why="closed")
        if not self._facts.looked:
            return Box(id="rotation", why="not-looked-at", known=False)
        if written is None:
            return Box(id="rotation", why="not-there")
        due = (written + dt.timedelta(seconds=min(each.every for each in self._lane.rotations))).date()
        if due < self._facts.today:
            return Box(id="rotation", why="due")
        return Box(id="rotation", tick=Tick(by="look", at=self._facts.today.isoformat()))


_NOT_OVER: Mapping[str, Why] = {
    "rotate.begin": "rotating",
    "rotate.waiting": "rotating",
    "rotate.stopped": "rotating",
    "rotate.unproven": "rotation-unproven",
}


def _of(condition: ConditionId, *, reader: str = "", cluster: str = "", but: str = "") -> Concerns:
    """Concerned are the verdicts of that condition of the gate, about that reader or cluster, except one."""
    return lambda verdict: (
        condition_of(verdict) == condition
        and (verdict.reader == reader or not reader)
        and verdict.cluster == cluster
        and verdict.probe != but
    )


def _of_value(verdict: NotOk) -> bool:
    return verdict.probe == "live-version" or (condition_of(verdict) == "inspected" and not verdict.cluster)


def _of_delivery(cluster: str) -> Concerns:
    return lambda verdict: verdict.cluster == cluster and condition_of(verdict) == "delivers"


_CUSTODY: frozenset[BoxId] = frozenset({"path", "value", "declared", "kept"})
_ACCESS: frozenset[BoxId] = frozenset({"reads", "others"})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of the promotion gate: ``custody``, ``access``, or ``delivery`` to the cluster ``subject``.

    ``tick`` is the proof by which it is met; otherwise ``why`` it is not, for the first of its boxes.
    """

    id: Literal["custody", "access", "delivery"]
    subject: str = ""
    tick: Tick | None = None
    why: Why | None = None
    known: bool = True


def gate(found: tuple[Box, ...]) -> tuple[Condition, ...]:
    """The conditions of the gate. Only a proof meets them; a Secret made by hand is not one of them."""
    custody = _condition("custody", [each for each in found if each.id in _CUSTODY])
    access = _condition("access", [each for each in found if each.id in _ACCESS])
    delivered = [_condition("delivery", [each], each.subject) for each in found if each.id == "delivers"]
    return (custody, access, *delivered)


def _condition(name: Literal["custody", "access", "delivery"], parts: list[Box], subject: str = "") -> Condition:
    proofs = [each.tick for each in parts if each.tick is not None and each.tick.by == "proof"]
    known = all(each.known for each in parts)
    if len(proofs) == len(parts):
        return Condition(id=name, subject=subject, tick=proofs[0], known=known)
    why = next((each.why for each in parts if each.why is not None), None)
    return Condition(id=name, subject=subject, why=why or "not-known", known=known)
