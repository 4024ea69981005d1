"""Simulated answers from this process, to try a client without a key and without a network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import BadRequest
from llm_connect.providers.port import ProviderKind
from llm_connect.simulator.completions import NotSimulated, chunks, completion, wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_connect.providers.port import Call, Chunk, Connection, Provider, ProviderConfig


class Simulate(ProviderKind):
    """See `ProviderKind`."""

    name = "simulate"
    remote = False

    def build(self, config: ProviderConfig, connection: Connection) -> Provider:  # noqa: ARG002 - it calls nobody
        """See `ProviderKind`."""
        return SimulatedProvider(config.name)


class SimulatedProvider:
    """See `Provider`."""

    refuses = frozenset({"audio", "function_call", "functions", "moderation", "web_search_options"})

    def __init__(self, name: str) -> None:
        self.name = name

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `Provider`."""
        try:
            # In a thread: a document of a hundred thousand values would hold the event loop.
            return await asyncio.to_thread(lambda: completion(wanted({"model": call.model, **call.fields})))
        except NotSimulated as error:
            raise BadRequest("provider_refused_request", str(error), provider_status=400, unbilled=True) from None

    async def stream(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """See `Provider`."""
        for chunk in chunks(await self.complete(call), include_usage=True):
            yield chunk

    async def close(self) -> None:
        """See `Provider`: nothing is open."""
