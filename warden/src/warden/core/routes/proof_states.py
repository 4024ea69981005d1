"""The words for what came of a proof; apart from the verdicts, so that `route` does not load these."""

from collections.abc import Set as AbstractSet
from typing import Literal

Result = Literal["ok", "wrong", "inconclusive"]
"""Of a verdict. ``wrong`` is an answer that contradicts the declaration, ``inconclusive`` is never a pass."""

ProofState = Literal["proven", "refuted", "inconclusive"]

Scope = Literal["lane", "custody", "some clusters", "member"]
"""``lane``: the whole lane; ``custody``: no delivery was observed; ``some clusters``: some of them were not;
``member``: only that a member of a group of people may read."""


def concluded(results: AbstractSet[Result]) -> ProofState:
    """Refuted by one wrong answer; proven only where every answer was right."""
    if "wrong" in results:
        return "refuted"
    return "proven" if results == {"ok"} else "inconclusive"
