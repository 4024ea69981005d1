"""OpenBao's audit log."""

from collections.abc import Sequence
from typing import Protocol

from warden.core.openbao.api import AuditLine, Handed


class AuditLog(Protocol):
    """Where the audit lines are read: a file, a directory, or a command that prints them.

    The object marks the end of the log when it is made; what was written before is not read.
    """

    where: str

    def lines(self, needle: str) -> Sequence[AuditLine]:
        """The entries since the mark whose probe header begins with `needle`, oldest first.

        Can be called again, and then answers all of them once more. Raises `Inconclusive` where the log cannot be read.
        """

    def handed(self, paths: Sequence[str]) -> Sequence[Handed]:
        """The reads of these paths (``platform/data/…``) that were answered since the mark, oldest first."""
