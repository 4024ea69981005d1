"""The policy points of the platform: whether each answers, and lets warden ask."""

from collections.abc import Iterator, Sequence

import msgspec

from warden.core.access.decision import Question
from warden.core.errors import WardenError
from warden.core.findings import Finding, NoAnswer, PointAnswer
from warden.core.openbao.api import Identity
from warden.ports.policy import Policy

NOBODY = Question(
    identity=Identity(display_name="warden-doctor", path="", role="", entity="", policies=(), ttl=0),
    action="access",
    resource="no-such-lane",
    context={"reason": "does this policy point answer?", "via": "env"},
)
"""What each is asked: nobody, about a lane that does not exist. A denial is the answer to expect."""


class PointToExamine(msgspec.Struct, frozen=True, kw_only=True):
    """A policy point by its name, where it is, and how it is asked."""

    name: str
    url: str
    policy: Policy


def examine_points(points: Sequence[PointToExamine]) -> Iterator[Finding]:
    """A finding for each."""
    for point in points:
        try:
            effect = point.policy.decide(NOBODY).effect
        except WardenError as fault:
            yield Finding("policy point", "missing", NoAnswer(fault))
        else:
            permits = effect == "allow"
            fact = PointAnswer(name=point.name, url=point.url, permits_nobody=permits)
            yield Finding("policy point", "unknown" if permits else "ok", fact)
