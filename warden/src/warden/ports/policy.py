"""The gate in front of every read and every signature: the access policies, and each policy point."""

from typing import Protocol

from warden.core.access.decision import Decision, Question


class Policy(Protocol):
    """Who decides. What is not decided is not allowed."""

    def decide(self, question: Question) -> Decision:
        """Allow or deny. Raises `Inconclusive` where the policy cannot be read, asked or decided."""
