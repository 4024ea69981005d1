"""The whole of an audit log, for what was done before."""

from collections.abc import Callable, Collection
from typing import Protocol

from warden.core.access_index.history import Act, History
from warden.core.access_index.readings import Asked, Surveyed
from warden.core.evidence.statements import Kept


class AuditHistory(Protocol):
    """Reads an audit log from its first line on, rotated files included."""

    def last(self, acts: Collection[Act], progress: Callable[[int, int], None] | None = None) -> History:
        """When each actor last did each of these. Where it cannot be read, the history says why.

        `progress` is told how many bytes are read, and how many there are (0: not known).
        """

    def survey(self, asked: Asked, progress: Callable[[int, int], None] | None = None) -> Surveyed:
        """Who read a path, and which values stand at others. What could not be read is said, and the rest is there."""

    def kept(self, runs: Collection[str]) -> Kept:
        """The lines whose probe header begins with one of these, as evidence; and why some may be missing."""
