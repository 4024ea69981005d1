"""llm-connect's own validation of an answer: `metadata.validation` in llm-connect/README.md.

A problem can quote the answer, so its texts are cleaned and masked. Whatever it says, each recommendation is also
checked here: llm-connect's validation can ask for a review, but removes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_PROBLEMS = 10  # llm-connect reports no more
_LONGEST_PROBLEM = 300  # llm-connect cuts here
_LONGEST_PATH, _LONGEST_REASON = 160, 40


@dataclass(frozen=True)
class Validation:
    """The verdict.

    Attributes:
        valid: None if the answer was not validated.
        reason: one clean line, empty if valid: ``truncated``, ``not_json``, ``schema``, ``not_judged``.
        problems: pairs of a JSON Pointer into the answer (empty: all of it) and what is wrong there; clean lines.
    """

    valid: bool | None
    reason: str = ""
    problems: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """``schema: /summary is not a string; /recommendations is too short``."""
        problems = "; ".join(" ".join(part for part in problem if part) for problem in self.problems)
        return ": ".join(part for part in (self.reason or "no reason given", problems) if part)

    def as_json(self) -> dict[str, Any]:
        """In llm-connect's format."""
        problems = [{"path": path, "problem": problem} for path, problem in self.problems]
        return {"valid": self.valid, "reason": self.reason, "problems": problems}


def read(metadata: Mapping[str, Any]) -> Validation | None:
    """The verdict in the `metadata` of an answer. None if there is none in the documented format."""
    found = metadata.get("validation")
    if not isinstance(found, dict) or "valid" not in found or found["valid"] not in (True, False, None):
        return None
    given = found.get("problems")
    problems = [each for each in given[:_MOST_PROBLEMS] if isinstance(each, dict)] if isinstance(given, list) else []
    pairs = tuple(
        (_clean_line(each.get("path"), _LONGEST_PATH), _clean_line(each.get("problem"), _LONGEST_PROBLEM))
        for each in problems
    )
    valid = None if found["valid"] is None else bool(found["valid"])
    return Validation(valid, _clean_line(found.get("reason"), _LONGEST_REASON), pairs)


def _clean_line(value: object, limit: int) -> str:
    if not isinstance(value, str):
        return ""
    if len(value) >= _LONGEST_PROBLEM:  # llm-connect cut it: the last word may be the first half of a secret
        value = value[:_LONGEST_PROBLEM].rpartition(" ")[0]
    return clean(value, limit)[0]
