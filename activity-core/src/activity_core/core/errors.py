"""Everything that can go wrong. Each error has the problem, its effect and the fix.

Only the classes here reach the command line. The exit codes are one table for all commands.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    NO = 1
    USAGE = 2
    INCONCLUSIVE = 3
    REFUSED = 4
    NOT_NOW = 5
    INTERRUPTED = 130


EXIT_MEANING: dict[Exit, str] = {
    Exit.DONE: "a complete report, or an empty one because the digest is empty; runs are shown",
    Exit.NO: "a report that needs review; an invalid digest; a request that llm-connect rejects; no such run",
    Exit.USAGE: "usage or configuration error; several runs match",
    Exit.INCONCLUSIVE: "a system gave no usable answer; record, report or post could not be read or written",
    Exit.REFUSED: "llm-connect, the digest's server or the State Hub denied access",
    Exit.NOT_NOW: "llm-connect's rate limit, budget or capacity is exhausted; another run is in progress",
    Exit.INTERRUPTED: "interrupted",
}


class TriageError(Exception):
    """The base of all errors.

    Attributes:
        kind: one word for programs.
        message: the problem and its effect.
        system: where it happened, as people call it: ``llm-connect``, ``digest``, ``record``.
        subject: a file or a URL, without a password.
        hint: what to do next.
        details: each error of a document, if there are several.
    """

    exit: ClassVar[Exit] = Exit.NO

    def __init__(
        self, kind: str, message: str, *, system: str, subject: str = "", hint: str = "", details: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.system, self.subject, self.hint = kind, message, system, subject, hint
        self.details = tuple(details)

    def as_json(self) -> dict[str, object]:
        """The error object of ``--json``."""
        error: dict[str, object] = {
            "code": int(self.exit),
            "kind": self.kind,
            "system": self.system,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
        }
        return error | {"faults": list(self.details)} if self.details else error


class InvalidInput(TriageError):
    """The input has errors."""


class UsageError(TriageError):
    """The command or its environment is wrong."""

    exit = Exit.USAGE


class Unavailable(TriageError):
    """A required system did not answer, or could not store something."""

    exit = Exit.INCONCLUSIVE


class Refused(TriageError):
    """A system denied access."""

    exit = Exit.REFUSED


class TryLater(TriageError):
    """It may work at another time."""

    exit = Exit.NOT_NOW
