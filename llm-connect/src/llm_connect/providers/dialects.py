"""How a call is written for each kind of provider.

Sources: OpenRouter's API reference ("Create a chat completion", "Provider routing", "Structured outputs", "Reasoning
tokens"); OpenAI's API reference for chat completions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from llm_connect.common.ranges import LIMIT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.providers.port import Call

# Standard chat fields that are neither in `ChatRequest` of OpenRouter's OpenAPI document (openapi/openapi.yaml in
# OpenRouterTeam/docs at 0cf80d1) nor on its page "Parameters", which has `verbosity` and `web_search_options` besides.
OPENROUTER_REFUSES = frozenset({
    "audio", "function_call", "functions", "moderation", "n", "prompt_cache_retention", "safety_identifier", "store",
})  # fmt: skip


class Dialect(Protocol):
    """Writes a call in one provider's fields."""

    @property
    def refuses(self) -> frozenset[str]:
        """Chat fields that it cannot honour."""
        ...

    def body(self, call: Call, *, stream: bool) -> dict[str, Any]:
        """The JSON body."""
        ...


def _common(call: Call, *, stream: bool) -> dict[str, Any]:
    body = {"model": call.model, **call.fields, "stream": stream}
    if stream:
        # Always asked for: budgets are settled by it. It is taken out again where the caller did not ask.
        body["stream_options"] = {**(call.stream_options or {}), "include_usage": True}
    return body


@dataclass(frozen=True)
class OpenAI:
    """What every OpenAI-compatible server takes.

    Attributes:
        refuses: what this one is declared not to take.
        limit_field: where it takes the bound of an answer. OpenAI's reasoning models refuse `max_tokens` (API
            reference, Chat: "max_tokens", deprecated); most other servers know nothing else.
    """

    refuses: frozenset[str] = frozenset()
    limit_field: str = LIMIT_FIELDS[0]

    def body(self, call: Call, *, stream: bool) -> dict[str, Any]:
        """See `Dialect`."""
        body = _common(call, stream=stream)
        if self.limit_field == "max_completion_tokens" and "max_tokens" in body:
            bound = body.pop("max_tokens")
            body["max_completion_tokens"] = min(bound, body.get("max_completion_tokens", bound))
        return body


@dataclass(frozen=True)
class OpenRouter:
    """OpenRouter: reasoning as an object, and a routing object with what was declared for this provider."""

    policy: Mapping[str, Any]
    refuses: frozenset[str] = OPENROUTER_REFUSES

    def body(self, call: Call, *, stream: bool) -> dict[str, Any]:
        """See `Dialect`."""
        body = _common(call, stream=stream)
        effort = body.pop("reasoning_effort", None)
        if effort is not None:
            body["reasoning"] = {"effort": effort}
        # Else it may pick an endpoint that drops a parameter, response_format among them, without a word.
        routing = {"require_parameters": True, **self.policy}
        if call.price_ceiling is not None:
            ceiling = call.price_ceiling
            names = ("prompt", "completion", "request")
            routing["max_price"] = {name: getattr(ceiling, name) for name in names}
        body["provider"] = routing
        body["usage"] = {"include": True}
        return body
