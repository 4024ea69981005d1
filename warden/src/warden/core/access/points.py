"""What follows from the answer of a policy point: a denial that no file of the platform directory explains."""

from warden.core.access.decision import Decision, Question
from warden.core.errors import Effect, Refused
from warden.core.openbao.api import Identity
from warden.core.quoting import Facts


class DeniedByPoint(Facts, frozen=True, kw_only=True):
    """A policy point of another system denies it; ``id`` is its own for that decision, ``reason`` its words."""

    who: Identity
    action: str
    resource: str
    point: str
    reason: str
    id: str
    decision: str


def expect_permitted_by_points(question: Question, decision: Decision, effect: Effect | None) -> None:
    """Raises `Refused` where a policy point denies it; whatever else denies it is for others to explain."""
    point = decision.denied_by
    if point is None:
        return
    raise Refused(
        DeniedByPoint(
            who=question.identity,
            action=question.action,
            resource=question.resource,
            point=point.point,
            reason=point.reason,
            id=point.id,
            decision=decision.id,
        ),
        effect=effect,
        system=f"policy point {point.point}",
        subject=question.resource,
        hint=f"ask whoever runs {point.point}",
    )
