"""What the policy is asked, and what it answers: the access policies here, and each policy point of the platform."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from warden.core.inventory.inventory import Host, NamedActor
from warden.core.journal.record import OF_CERTIFICATES
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity
from warden.core.quoting import Facts

Effect = Literal["allow", "deny"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy is asked: may this identity do this action with this lane, or for this actor or host?

    ``resource`` is the lane's id, or the actor's or host's name; ``declared`` is the lane as the catalog has it, or the
    actor or host as the inventory has it: without it the policy knows of no readers and no identities. The context of
    ``sign`` has ``reason``, ``principals``, ``actor_type`` ("" for a host), ``fingerprint``, ``ttl`` (seconds) and
    ``type`` ("user" or "host").
    """

    identity: Identity
    action: str
    resource: str
    context: Mapping[str, Any]
    declared: Lane | NamedActor | Host | None = None

    @property
    def of_certificate(self) -> bool:
        """Whether it is about a certificate, not about a lane."""
        return self.action in OF_CERTIFICATES


class PointDecision(Facts, frozen=True, kw_only=True):
    """What one policy point answered; `CEDAR` stands for the access policies of the platform directory.

    ``id`` is the point's own for this decision, ``policies`` and ``reason`` are what it says it decided by; each may be
    empty.
    """

    point: str
    effect: Effect
    id: str = ""
    policies: tuple[str, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """What the journal keeps: nothing that was left open."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's answer. ``policies`` are the ids that decided, ``wants_reason`` whether a reason would change it.

    ``points`` has what each policy point answered, in the order in which they were asked; empty where the access
    policies alone decide. Those behind one that denies were not asked.
    """

    id: str
    effect: Effect
    policies: tuple[str, ...]
    message: str
    wants_reason: bool = False
    points: tuple[PointDecision, ...] = ()

    @property
    def denied_by(self) -> PointDecision | None:
        """The policy point of another system that denied it."""
        last = self.points[-1] if self.effect == "deny" and self.points else None
        return last if last is not None and last.point != CEDAR else None


CEDAR = "cedar"
"""The name of the access policies among policy points; no other point can have it."""


def by_one_point(decision: str, point: PointDecision) -> Decision:
    """The answer of one policy point as a decision, under warden's id for it."""
    return Decision(
        id=decision,
        effect=point.effect,
        policies=(point.point,),
        message=f"{point.effect}, by {point.point}",
        points=(point,),
    )


def all_of(decisions: Sequence[Decision]) -> Decision:
    """The one decision of several points, in the order in which they were asked: each has to allow it."""
    last = decisions[-1]
    policies = tuple(dict.fromkeys(each for one in decisions for each in one.policies))
    return msgspec.structs.replace(
        last,
        id=decisions[0].id,
        policies=last.policies if last.effect == "deny" else policies,
        points=tuple(point for one in decisions for point in _points(one)),
    )


def decided(question: Question, decision: Decision) -> dict[str, Any]:
    """The body of the record ``decision``: who asked for what, and what was answered."""
    body = {
        "id": decision.id,
        "action": question.action,
        "effect": decision.effect,
        "policies": list(decision.policies),
        "identity": question.identity.as_json(),
        **question.context,
    }
    return body | ({"points": [each.as_json() for each in decision.points]} if decision.points else {})


def _points(decision: Decision) -> tuple[PointDecision, ...]:
    return decision.points or (PointDecision(point=CEDAR, effect=decision.effect, policies=decision.policies),)
