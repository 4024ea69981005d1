"""OpenRouter's chat completions, over aiohttp.

The reading of answers is in openrouter_answers.py; here is what touches the network.
Source of the request's fields: OpenRouter's API reference, "Create a chat completion" and "Structured outputs".
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from llm_connect.faults import NotConfigured, ProviderFailed
from llm_connect.providers.openrouter_answers import read_answer
from llm_connect.secret import Redactor, Secret

if TYPE_CHECKING:
    from llm_connect.providers import Completion, ModelCall

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_READ_BYTES = 64 * 1024


class OpenRouter:
    """The adapter; `session` belongs to the caller, who closes it."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: Secret | None, key_field: str) -> None:
        self._session = session
        self._url = f"{base_url}/chat/completions"
        self._key = key
        self._key_field = key_field
        self._redactor = Redactor(key)

    async def complete(self, call: ModelCall) -> Completion:
        """See `Provider`."""
        status, headers, octets = await self._post(payload(call))
        return read_answer(status, headers, self._redactor.octets(octets))

    async def _post(self, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        if self._key is None:
            message = f"the gateway has no provider key: {self._key_field} is missing; the provider was not called"
            raise NotConfigured("key_missing", message)
        headers = {"Authorization": f"Bearer {self._key.reveal()}", "Content-Type": "application/json"}
        # As a file: aiohttp warns of bytes above 1 MiB, and writes a file in pieces.
        octets = io.BytesIO(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
        try:
            # A redirect would carry the key to an address that nobody declared.
            async with self._session.post(self._url, data=octets, headers=headers, allow_redirects=False) as response:
                return response.status, {k.lower(): v for k, v in response.headers.items()}, await _whole(response)
        except aiohttp.ClientError as error:
            # Without its cause: aiohttp keeps the request's headers in some errors.
            raise _transport_error(error) from None


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_READ_BYTES):
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            message = f"the provider's answer is larger than {MAX_ANSWER_BYTES} bytes; reading was given up"
            raise ProviderFailed("provider_too_large", message, provider_status=response.status)
        parts.append(part)
    return b"".join(parts)


def _transport_error(error: aiohttp.ClientError) -> ProviderFailed:
    if isinstance(error, aiohttp.ClientSSLError):
        return ProviderFailed("provider_tls", "the provider's certificate was not accepted; nothing was sent")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ProviderFailed("provider_unreachable", "the provider cannot be reached; nothing was sent")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ProviderFailed("provider_cut", "the provider's answer ended before it was whole")
    if isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
        message = "the provider closed the connection without an answer; whether it served the request is unknown"
        return ProviderFailed("provider_reset", message)
    return ProviderFailed("provider_malformed", "the provider's answer is not valid HTTP")


def payload(call: ModelCall) -> dict[str, Any]:
    """`call` in OpenRouter's dialect."""
    body: dict[str, Any] = {
        "model": call.model,
        "messages": [{"role": "user", "content": call.prompt}],
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        "reasoning": {"effort": call.reasoning_effort},
        "stream": False,
    }
    if call.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": call.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
        # Else OpenRouter may pick an endpoint that drops response_format without a word.
        body["provider"] = {"require_parameters": True}
    return body
