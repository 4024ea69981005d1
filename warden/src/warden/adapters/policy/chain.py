"""Several policy points as one: each has to permit it."""

from collections.abc import Sequence

from warden.core.access.decision import Decision, Question, all_of
from warden.ports.policy import Policy


class PolicyChain:
    """The port Policy on several, which are asked in this order; there is at least one."""

    def __init__(self, points: Sequence[Policy]) -> None:
        self._points = tuple(points)

    def decide(self, question: Question) -> Decision:
        """Ask until one denies. Raises `Inconclusive` from the first that cannot decide."""
        found: list[Decision] = []
        for point in self._points:
            found.append(point.decide(question))
            if found[-1].effect == "deny":
                break
        return all_of(found)
