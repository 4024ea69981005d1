"""What can go wrong, once: each fault says what is so, what therefore did not happen, and what to do.

The classes here are the only exceptions that reach the command line. Exit codes are one table for all commands.
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
    Exit.DONE: "a whole report, or an honest empty one for an empty digest",
    Exit.NO: "a report that wants a review; a digest with faults; a request that llm-connect does not take",
    Exit.USAGE: "wrong usage or configuration",
    Exit.INCONCLUSIVE: "a system gave no usable answer; the record, the report or the post could not be written",
    Exit.REFUSED: "llm-connect, the digest's address or the State Hub refused the caller",
    Exit.NOT_NOW: "llm-connect limits the rate, the budget or its calls at once; another run is under way",
    Exit.INTERRUPTED: "interrupted",
}


class Fault(Exception):
    """The root of all faults.

    Attributes:
        kind: one word for programs.
        message: what is so, and what therefore did not happen.
        system: who is at fault, as people name it: ``llm-connect``, ``digest``, ``record``.
        subject: a file or an address, without a password.
        hint: what to do next.
        faults: each fault of a document, where there are several.
    """

    exit: ClassVar[Exit] = Exit.NO

    def __init__(
        self, kind: str, message: str, *, system: str, subject: str = "", hint: str = "", faults: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.system, self.subject, self.hint = kind, message, system, subject, hint
        self.faults = tuple(faults)

    def as_json(self) -> dict[str, object]:
        """The error object of ``--json``."""
        told: dict[str, object] = {
            "code": int(self.exit),
            "kind": self.kind,
            "system": self.system,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
        }
        return told | {"faults": list(self.faults)} if self.faults else told


class AnswerIsNo(Fault):
    """Faults were found in what was given."""


class WrongUsage(Fault):
    """The command or its environment cannot work as it is."""

    exit = Exit.USAGE


class NoAnswer(Fault):
    """A system that had to answer, or to keep something, could not."""

    exit = Exit.INCONCLUSIVE


class Refused(Fault):
    """A system refused the caller."""

    exit = Exit.REFUSED


class NotNow(Fault):
    """It may be right at another time."""

    exit = Exit.NOT_NOW
