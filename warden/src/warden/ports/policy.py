"""The gate in front of every read."""

from typing import Protocol

from warden.core.access.decision import Decision, Question


class Policy(Protocol):
    """The gate in front of every read."""

    def decide(self, question: Question) -> Decision:
        """Allow or deny. Raises `Inconclusive` where the policy itself cannot be read or decided."""
