"""Audit records: what was asked for by whom, and what came of it. Metadata, unless content is opted for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Audit(Protocol):
    """Where records go."""

    async def begin(self, record: Mapping[str, Any]) -> None:
        """Write down that a call is about to be made.

        Raises:
            Unavailable: it could not be written, so that the call is not made.
        """
        ...

    def end(self, record: Mapping[str, Any]) -> None:
        """Write down what came of it, soon; kept until it can be written."""
        ...


class NoAudit:
    """Where no file is named."""

    async def begin(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""

    def end(self, record: Mapping[str, Any]) -> None:
        """See `Audit`."""
