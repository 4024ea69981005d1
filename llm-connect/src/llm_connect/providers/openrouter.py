"""OpenRouter: reasoning as an object, and a routing object with what is declared for this provider.

Source: OpenRouter's API reference ("Create a chat completion", "Provider routing", "Structured outputs", "Reasoning
tokens").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.providers.openai import openai_body
from llm_connect.providers.port import ProviderKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.fields import Fields
    from llm_connect.providers.port import Call, Connection, Provider, ProviderConfig

# Standard chat fields that are neither in `ChatRequest` of OpenRouter's OpenAPI document (openapi/openapi.yaml in
# OpenRouterTeam/docs at 0cf80d1) nor on its page "Parameters", which has `verbosity` and `web_search_options` besides.
REFUSED_FIELDS = frozenset({
    "audio", "function_call", "functions", "moderation", "n", "prompt_cache_retention", "safety_identifier", "store",
})  # fmt: skip
_FLAGS = ("zdr", "allow_fallbacks", "require_parameters")
_LISTS = ("order", "only", "ignore", "quantizations")
_PRICES = ("prompt", "completion", "request")


class OpenRouter(ProviderKind):
    """See `ProviderKind`. Its own settings are those of OpenRouter's routing object."""

    name = "openrouter"
    default_url = "https://openrouter.ai/api/v1"
    default_key = "OPENROUTER_API_KEY"
    option_names = ("data_collection", *_FLAGS, *_LISTS)

    def read_options(self, table: Fields) -> dict[str, Any]:
        """See `ProviderKind`."""
        read: dict[str, Any] = {"data_collection": table.one_of("data_collection", ("allow", "deny"))}
        read |= {name: table.flag(name, otherwise=False) for name in _FLAGS}
        read |= {name: list(table.texts(name)) for name in _LISTS}
        return {name: read[name] for name in self.option_names if table.raw(name) is not None}

    def build(self, config: ProviderConfig, connection: Connection) -> Provider:
        """See `ProviderKind`."""
        from llm_connect.providers.http_provider import HttpProvider  # aiohttp: not for commands that call nobody

        def body_of(call: Call, *, stream: bool) -> dict[str, Any]:
            return openrouter_body(call, config.options, stream=stream)

        return HttpProvider(config, connection, body_of, REFUSED_FIELDS | set(config.refuses))


def openrouter_body(call: Call, routing: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
    """The JSON body of a request."""
    body = openai_body(call, stream=stream)
    effort = body.pop("reasoning_effort", None)
    if effort is not None:
        body["reasoning"] = {"effort": effort}
    # Without it OpenRouter may pick an endpoint that silently ignores a parameter, response_format among them.
    provider = {"require_parameters": True, **routing}
    if call.price_ceiling is not None:
        provider["max_price"] = {name: getattr(call.price_ceiling, name) for name in _PRICES}
    body["provider"] = provider
    body["usage"] = {"include": True}
    return body
