"""The port to a provider, and the deadline that holds for every adapter.

An adapter has one method. `ask()` is how it is called: whatever the adapter does, only a `GatewayError` escapes,
and the deadline ends a provider that accepted the request and stays silent.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from llm_connect.faults import TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ModelCall:
    """One call to a model, in no provider's dialect; `json_schema` is the bare schema."""

    model: str
    prompt: str
    temperature: float
    max_tokens: int
    reasoning_effort: str
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; None is unknown, which is not zero. `cost` is in its credits (USD)."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Completion:
    """What a provider answered; `model` is the one it says it served."""

    content: str
    model: str
    finish_reason: str | None
    usage: Usage
    details: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """One provider."""

    async def complete(self, call: ModelCall) -> Completion:
        """Call the model once.

        Raises:
            GatewayError: for every failure of the provider or of the way to it.
        """
        ...


async def ask(provider: Provider, call: ModelCall, timeout_seconds: float) -> Completion:
    """`provider.complete(call)` within `timeout_seconds` in all: connecting, waiting and reading.

    Raises:
        GatewayError: TimedOut when the time is over, else the adapter's.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await provider.complete(call)
    except TimeoutError:
        message = f"the provider gave no whole answer within {timeout_seconds:g} s; the call was given up"
        raise TimedOut("deadline", message) from None
