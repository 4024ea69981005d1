"""Every server that speaks OpenAI's chat completions. Source: OpenAI's API reference for chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.common.ranges import LIMIT_FIELDS
from llm_connect.providers.port import ProviderKind

if TYPE_CHECKING:
    from llm_connect.common.fields import Fields
    from llm_connect.providers.port import Call, Connection, Provider, ProviderConfig


class OpenAI(ProviderKind):
    """See `ProviderKind`.

    Its own setting `limit_field` names the field for the largest number of tokens in an answer. OpenAI's reasoning
    models refuse `max_tokens` (API reference, Chat: "max_tokens", deprecated); most other servers know nothing else.
    """

    name = "openai"
    option_names = ("limit_field",)

    def read_options(self, table: Fields) -> dict[str, Any]:
        """See `ProviderKind`."""
        return {"limit_field": table.one_of("limit_field", LIMIT_FIELDS) or LIMIT_FIELDS[0]}

    def build(self, config: ProviderConfig, connection: Connection) -> Provider:
        """See `ProviderKind`."""
        from llm_connect.providers.http_provider import HttpProvider  # aiohttp: not for commands that call nobody

        limit_field = config.options.get("limit_field", LIMIT_FIELDS[0])

        def body_of(call: Call, *, stream: bool) -> dict[str, Any]:
            return openai_body(call, stream=stream, limit_field=limit_field)

        return HttpProvider(config, connection, body_of, frozenset(config.refuses))


def openai_body(call: Call, *, stream: bool, limit_field: str = LIMIT_FIELDS[0]) -> dict[str, Any]:
    """The JSON body of a request in OpenAI's own fields."""
    body = {"model": call.model, **call.fields, "stream": stream}
    if stream:
        # Always asked for, because budgets are settled by it. It is removed again where the caller did not ask.
        body["stream_options"] = {**(call.stream_options or {}), "include_usage": True}
    if limit_field == "max_completion_tokens" and "max_tokens" in body:
        bound = body.pop("max_tokens")
        body["max_completion_tokens"] = min(bound, body.get("max_completion_tokens", bound))
    return body
