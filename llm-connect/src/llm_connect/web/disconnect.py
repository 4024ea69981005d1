"""The client of one connection: whether it is still there, and what to do when it is not.

The protocol of the server hears of it first (serving.py). ASGI's own way, a task for each request that waits for the
message `http.disconnect`, costs a fifteenth of all that a request costs (docs/adr/0024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LEAVING = "llm_connect.web.disconnect"
"""The key in the ASGI scope under which a `Leaving` stands."""


class Leaving:
    """One for each connection; its requests are served one after the other."""

    def __init__(self) -> None:
        self._gone = False
        self._concerned: set[Callable[[], None]] = set()

    def tell(self, concerned: Callable[[], None]) -> None:
        """Call `concerned` when the client leaves: now, if it has left already."""
        if self._gone:
            concerned()
        else:
            self._concerned.add(concerned)

    def tell_no_more(self, concerned: Callable[[], None]) -> None:
        """It is no longer of concern."""
        self._concerned.discard(concerned)

    def happened(self) -> None:
        """The client left."""
        self._gone = True
        for concerned in tuple(self._concerned):
            concerned()
