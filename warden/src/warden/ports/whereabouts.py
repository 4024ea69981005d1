"""Where this call is."""

from typing import Protocol

from warden.core.journal.place import Place


class Whereabouts(Protocol):
    """The platform directory, the OpenBao and the namespace of this call. Nothing is raised."""

    @property
    def address(self) -> str:
        """Of the OpenBao that is meant; empty where none is named."""

    def place(self) -> Place:
        """All that is known of it; a server is asked once at most, and waited for only a moment."""
