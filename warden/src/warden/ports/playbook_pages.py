"""The pages of lanes, as files."""

from typing import Protocol


class PlaybookPages(Protocol):
    """Reads and writes pages.

    Each method raises `UsageError` for a page that cannot be read or written; `write` also `Held`.
    """

    def path(self, lane: str) -> str:
        """Where the lane's page is, as people name it."""

    def read(self, lane: str) -> str | None:
        """The page; ``None`` where there is none."""

    def write(self, lane: str, text: str, before: str | None) -> None:
        """Put the page there, whole or not at all.

        Raises `Held` where it is not `before` any more: somebody has edited it.
        """
