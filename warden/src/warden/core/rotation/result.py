"""What a rotation did and found out: typed, to be presented and journaled. No value is in it."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from warden.core.errors import Exit
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.proofs.verdict import Detail
from warden.core.quoting import Facts
from warden.core.remedies import Remedy, warden
from warden.core.rotation.provider import HumanTask
from warden.core.rotation.refusal import Pair, Refusal
from warden.core.rotation.steps import End, Event, Step

PartState = Literal["has", "idle", "pending", "failing", "other", "missing", "unseen", "unproven"]
"""``has``: it has the value it should have. ``idle``: nothing runs that could have one. ``other``: it has another one.
``pending``: it may have it in a moment. ``unseen``: it cannot be looked at. ``unproven``: it is there, and does not
show that it has the value."""

FINE: frozenset[PartState] = frozenset({"has", "idle"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret in a cluster, or a consumer of it. ``detail`` says why it is not as it should be.

    ``by_hand``: nobody but a person changes it. ``dropped``: the lane file declared it when the rotation began.
    """

    cluster: str
    kind: Literal["secret", "consumer", "cluster"]
    name: str
    state: PartState
    by_hand: bool = False
    dropped: bool = False
    detail: Detail | None = None


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """A step of this run, and how it ended; ``back``: it takes the rotation back."""

    step: Step
    event: Event
    back: bool = False


class RotationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--plan`` answers: the steps that would be done, or that are left of a rotation under way."""

    lane: str
    field: str
    source: str
    steps: tuple[Step, ...]
    person: tuple[HumanTask, ...]
    provider: bool
    times: int
    over: int
    secrets: tuple[str, ...]
    consumers: tuple[tuple[str, str], ...]
    rotation: str = ""
    back: bool = False


OldValue = Refusal | Literal["nobody-to-ask", "not-asked", "none"]
"""What is known of the old value. ``nobody-to-ask``: nobody issued it, so nobody can refuse it: what is shown is
that no part of the lane has it any more and that its versions are destroyed. ``none``: there was none."""


class RotationResult(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one lane.

    Attributes:
        rotation: its id.
        state: how this run ended.
        steps: what this run did.
        left: what is still to be done, in order.
        version: the version with the value that is in use now; 0 before one is written.
        parts: Secrets and consumers as they were looked at last.
        old: what is known of the old value.
        pairs: each question after the old value, beside the one after the new value.
        destroyed: the versions that were destroyed.
        task: what a person has to do, and `where` as the lane file says it.
        old_key: the provider's id of the key that was replaced; empty where it has none.
        new_key: the provider's id of the new one.
        record: the number of the journal's record that ends this run.
        checkpoint: what became of the journal's signature after it; ``None`` where nobody signs, or nothing ended.
    """

    lane: str
    field: str
    source: str
    rotation: str
    state: End
    steps: tuple[StepResult, ...]
    left: tuple[Step, ...] = ()
    version: int = 0
    parts: tuple[Part, ...] = ()
    old: OldValue = "not-asked"
    pairs: tuple[Pair, ...] = ()
    destroyed: tuple[int, ...] = ()
    task: HumanTask | Literal[""] = ""
    where: str = ""
    old_key: str = ""
    new_key: str = ""
    record: int = 0
    checkpoint: Signed | NotSigned | None = None

    @property
    def exit(self) -> Exit:
        """What was not proven is not a success: a certain no, or no answer."""
        if self.state == "unproven":
            certain = self.old in {"accepted", "new-refused"} or any(each.state == "other" for each in self.not_fine)
            return Exit.NO if certain else Exit.INCONCLUSIVE
        return _EXITS[self.state]

    @property
    def not_fine(self) -> tuple[Part, ...]:
        """The parts that do not show that they have the value."""
        return tuple(each for each in self.parts if each.state not in FINE)

    @property
    def next(self) -> Remedy:
        """What to do now."""
        if self.state == "done":
            return (warden("prove", self.lane),)
        if self.state == "rolled-back":
            return (warden("status", self.lane),)
        by_hand = next((each for each in self.not_fine if each.by_hand and each.cluster), None)
        first: Remedy = (warden("adopt", self.lane, cluster=by_hand.cluster),) if by_hand else ()
        if self.steps and self.steps[-1].step == "deliver":  # says of each cluster why it did not follow
            first = (warden("sync", self.lane),)
        return (*first, warden("rotate", self.lane, field=self.field, resume=True))


_EXITS: dict[End, Exit] = {
    "done": Exit.DONE,
    "waiting": Exit.NOT_NOW,
    "rolled-back": Exit.NO,
    "stopped": Exit.INCONCLUSIVE,
}


def worst_exit(codes: Iterable[Exit]) -> Exit:
    """The code of several rotations: a certain no outweighs what is not known, and that a wait."""
    return max(codes, key=_WEIGHT.index, default=Exit.DONE)


_WEIGHT = (Exit.DONE, Exit.NOT_NOW, Exit.INCONCLUSIVE, Exit.USAGE, Exit.REFUSED, Exit.NO)


class RotationUnderWay(Facts, frozen=True, kw_only=True):
    """The lane is being rotated, or was when somebody stopped."""

    lane: str
    field: str
    rotation: str
    by: str
    since: str
    step: str


class NothingToResume(msgspec.Struct, frozen=True):
    """No rotation of the lane is under way."""

    lane: str


class NotRotated(msgspec.Struct, frozen=True):
    """The lane file does not say how a field's value is replaced; ``field`` is empty where it says so of none."""

    lane: str
    field: str
    rotated: tuple[str, ...]


class LaneChanged(Facts, frozen=True, kw_only=True):
    """The lane file was changed in a way that the rotation under way cannot follow."""

    lane: str
    field: str
    was: str
    now: str


class ValueReplaced(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else put another value while the rotation was under way.

    ``given_up``: it was not written yet, its key was deleted, and nothing is under way any more. Otherwise both of its
    keys may still be accepted.
    """

    lane: str
    field: str
    version: int
    given_up: bool = False


class TakenOver(Facts, frozen=True, kw_only=True):
    """Somebody else goes on with the rotation."""

    lane: str
    by: str


class SettingsWrong(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a source in the lane file that it cannot work with: (key, clause) of each."""

    lane: str
    source: str
    faults: tuple[tuple[str, str], ...]


class ManagementMissing(msgspec.Struct, frozen=True, kw_only=True):
    """The source needs a management key; ``lane`` is the lane that should hold it, empty where none is named."""

    source: str
    lane: str


class OldVersionNotKept(msgspec.Struct, frozen=True):
    """The path keeps so few versions that a new value would take the old one away, which is needed until the end."""

    path: str
    kept: int


class SameValue(msgspec.Struct, frozen=True):
    """The new value is the old one."""

    field: str


class RotationStopped(msgspec.Struct, frozen=True, kw_only=True):
    """An effect: the rotation stands at a step, and can go on from there, unless the lane is ``closed``."""

    lane: str
    field: str
    step: Step
    closed: bool = False


class NotAcceptedYet(Facts, frozen=True, kw_only=True):
    """The provider does not say whether it accepts a value."""

    source: str
    status: int
    reason: str
