"""What llm-connect's own validation says of an answer: `metadata.validation`, by llm-connect/README.md.

A problem can quote the answer, so that its texts are made harmless and secret material in them is masked. Whatever it
says, each recommendation is judged here as well: it asks for a review, and takes nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 10  # llm-connect tells no more
_SHOWN = 300
_PATH, _REASON = 160, 40


@dataclass(frozen=True)
class Validation:
    """The judgement.

    Attributes:
        valid: None where the answer was not judged.
        reason: one harmless line, empty where it is valid: ``truncated``, ``not_json``, ``schema``, ``not_judged``.
        problems: pairs of a JSON Pointer into the answer (empty: the whole) and what is wrong there; harmless lines.
    """

    valid: bool | None
    reason: str = ""
    problems: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """``schema: /summary is no text; /recommendations is too short``."""
        told = "; ".join(" ".join(part for part in problem if part) for problem in self.problems)
        return ": ".join(part for part in (self.reason or "no reason given", told) if part)

    def as_json(self) -> dict[str, Any]:
        """As llm-connect has it."""
        problems = [{"path": path, "problem": problem} for path, problem in self.problems]
        return {"valid": self.valid, "reason": self.reason, "problems": problems}


def read(metadata: Mapping[str, Any]) -> Validation | None:
    """The judgement in the `metadata` of an answer; None where there is none, or none of the contract."""
    found = metadata.get("validation")
    if not isinstance(found, dict) or "valid" not in found or found["valid"] not in (True, False, None):
        return None
    given = found.get("problems")
    problems = [each for each in given[:_MOST] if isinstance(each, dict)] if isinstance(given, list) else []
    pairs = tuple((_line(each.get("path"), _PATH), _line(each.get("problem"), _SHOWN)) for each in problems)
    valid = None if found["valid"] is None else bool(found["valid"])
    return Validation(valid, _line(found.get("reason"), _REASON), pairs)


def _line(value: object, limit: int) -> str:
    if not isinstance(value, str):
        return ""
    if len(value) >= _SHOWN:  # llm-connect cut it here: the last word may be the first half of something
        value = value[:_SHOWN].rpartition(" ")[0]
    return clean(value, limit)[0]
