"""What can go wrong, once: every error has a problem, its effect and a remedy.

The classes here are the only exceptions that leave a port, a use case or an adapter. ``present.errors`` turns each into
a message for people, or one JSON object (``code, kind, system, subject, message, hint``); the command line exits with
its code.
"""

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import ClassVar

import msgspec

from warden.core.remedies import Remedy


class Exit(IntEnum):
    """The exit codes of every command; the table of ``warden help exit-codes`` is printed from `EXIT_MEANING`."""

    DONE = 0
    NO = 1
    USAGE = 2
    INCONCLUSIVE = 3
    REFUSED = 4
    NOT_NOW = 5
    NOT_STARTED = 125
    CANNOT_RUN = 126
    NOT_FOUND = 127
    INTERRUPTED = 130


EXIT_MEANING: dict[Exit, str] = {
    Exit.DONE: "done, proven, in sync",
    Exit.NO: "the answer is no: refuted, drift, errors found, nobody owns it",
    Exit.USAGE: "usage error",
    Exit.INCONCLUSIVE: "inconclusive: a required system did not answer, or the journal could not be written",
    Exit.REFUSED: "denied: by policy, by OpenBao, by the cluster; caller is not a declared reader",
    Exit.NOT_NOW: "not now: the lane is closed, another operation holds it, or it waits for a person",
    Exit.NOT_STARTED: "`access -- CMD` only: warden stopped before CMD",
    Exit.CANNOT_RUN: "`access -- CMD` only: CMD is not executable",
    Exit.NOT_FOUND: "`access -- CMD` only: CMD not found; otherwise CMD's own code",
    Exit.INTERRUPTED: "interrupted",
}


class Effect(Enum):
    """What did not happen because of an error."""

    NOTHING_ASKED = "asked"
    NOTHING_CHANGED = "changed"
    NOTHING_CHECKED = "checked"
    NOTHING_DONE = "done"
    NOTHING_CREATED = "created"
    NOTHING_PRINTED = "printed"
    NOTHING_READ = "read"
    NOTHING_REMOVED = "removed"
    NOTHING_SIGNED = "signed"
    NOTHING_WRITTEN = "written"


class DoneBefore(msgspec.Struct, frozen=True):
    """The effect of an error that came after other steps of the same command: those stand."""


class WardenError(Exception):
    """The root of all errors: a problem, its effect, and what to do, as data.

    Attributes:
        problem: what is wrong. In core and use cases a structure with the facts, which ``present`` describes; in
            adapters one clause about the system at fault ("FILE cannot be read: permission denied").
        effect: what therefore did not happen, or what has happened all the same; ``None`` where that is obvious.
        system: the system at fault, as people name it: ``OpenBao https://…``, ``journal``, ``platform``.
        subject: the thing it is about: a lane id, a file, a path. Never a value.
        remedy: what to do next; ``hint`` is a clause for what is not a step.
    """

    kind: ClassVar[str] = "error"
    exit: ClassVar[Exit] = Exit.NO

    def __init__(
        self,
        problem: str | msgspec.Struct,
        *,
        effect: Effect | msgspec.Struct | None = None,
        system: str = "warden",
        subject: str = "",
        remedy: Remedy = (),
        hint: str = "",
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.effect = effect
        self.system = system
        self.subject = subject
        self.remedy = remedy
        self.hint = hint


def failure_kind(fault: BaseException) -> str:
    """How the journal names what ended an operation: an error's own kind; anything else interrupted it."""
    return fault.kind if isinstance(fault, WardenError) else "interrupted"


class Fault(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong in one file.

    Attributes:
        file: path as it was found, relative to the current directory where it lies below it.
        line: 1-based; 0 where the fault is of the file as a whole.
        field: dotted path of the field, ``readers[0].workload``; empty where there is none.
        message: what is wrong and what is allowed.
        warning: true where it does not make the file unusable.
    """

    file: str
    line: int
    field: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class UsageError(WardenError):
    """The command was called in a way that cannot work."""

    kind = "usage"
    exit = Exit.USAGE


class Invalid(WardenError):
    """Declared files have faults: all of them are in `faults`."""

    kind = "invalid"

    def __init__(
        self,
        faults: Sequence[Fault],
        problem: str | msgspec.Struct,
        *,
        effect: Effect | msgspec.Struct | None = None,
        subject: str = "",
        remedy: Remedy = (),
        hint: str = "",
    ) -> None:
        super().__init__(problem, effect=effect, system="platform", subject=subject, remedy=remedy, hint=hint)
        self.faults = tuple(faults)


class NotFound(WardenError):
    """The thing asked for does not exist."""

    kind = "not-found"


class Missing(WardenError):
    """The lane is there, but a field or a value it declares is not."""

    kind = "missing"


class Foreign(WardenError):
    """An object of the derived name exists and is not marked as ours."""

    kind = "foreign"


class Inconclusive(WardenError):
    """A system that had to answer could not."""

    kind = "inconclusive"
    exit = Exit.INCONCLUSIVE


class Unreachable(Inconclusive):
    """No answer: not listening, timed out, wrong certificate, cut connection."""

    kind = "unreachable"


class Sealed(Inconclusive):
    """OpenBao answered that it is sealed or not initialised."""

    kind = "sealed"


class ServerFault(Inconclusive):
    """The server answered with a fault of its own (5xx) or with something that is not an answer of its API."""

    kind = "server-fault"


class NoApi(Inconclusive):
    """The cluster does not know this kind of object: its CRD is missing, or serves another version."""

    kind = "no-api"


class JournalUnwritable(Inconclusive):
    """The journal could not be written or read."""

    kind = "journal"


class Refused(WardenError):
    """A reachable, unsealed system refused (OpenBao, the policy, the cluster)."""

    kind = "refused"
    exit = Exit.REFUSED


class NotAReader(Refused):
    """The caller is not among the lane's declared readers."""

    kind = "not-a-reader"


class Unidentified(Refused):
    """The caller has no identity that OpenBao accepts: no token, or one that is expired or unknown."""

    kind = "unidentified"


class NotNow(WardenError):
    """It may be right at another time."""

    kind = "not-now"
    exit = Exit.NOT_NOW


class Closed(NotNow):
    """The lane is closed in the journal."""

    kind = "closed"


class Held(NotNow):
    """Another operation holds the lane, or changed it in between."""

    kind = "held"


class CannotRun(WardenError):
    """The command behind ``--`` was found and cannot be run."""

    kind = "cannot-run"
    exit = Exit.CANNOT_RUN


class CommandNotFound(WardenError):
    """The command behind ``--`` was not found."""

    kind = "command-not-found"
    exit = Exit.NOT_FOUND
