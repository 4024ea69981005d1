"""A provider that is called over HTTP, with the key in force."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from llm_connect.common.errors import GatewayError, NotConfigured, ProviderFailed, TimedOut
from llm_connect.common.json_encoding import encode
from llm_connect.providers.answers import DONE, OK, StreamEnds, is_whole, malformed, read_chunk, read_completion
from llm_connect.providers.http_client import HttpClient
from llm_connect.providers.split_keys import remove_split_keys, without_split_keys
from llm_connect.providers.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_connect.keys.keyring import Key
    from llm_connect.providers.http_client import HttpResponse
    from llm_connect.providers.port import Call, Chunk, Connection, ProviderConfig
    from llm_connect.providers.sse import Event

_KEY_REFUSED = "provider_key_refused"
_PATH = "/chat/completions"
_MAX_HEAD_BYTES = 64 * 1024
"""How much of a stream without an event is kept, for the words in it."""


class WriteBody(Protocol):
    """Writes a call as the JSON body of a request."""

    def __call__(self, call: Call, *, stream: bool) -> dict[str, Any]:
        """The body."""
        ...


class HttpProvider:
    """See `Provider`.

    Args:
        config: its name and URL.
        connection: its key, its TLS context, and what redacts keys.
        body_of: writes a call in the provider's own fields.
        refuses: chat fields that it does not support.
    """

    def __init__(
        self, config: ProviderConfig, connection: Connection, body_of: WriteBody, refuses: frozenset[str] = frozenset()
    ) -> None:
        self.name = config.name
        self.refuses = refuses
        self._body_of = body_of
        self._keyring = connection.keyring
        self._redactor = connection.redactor
        self._client = HttpClient(f"{config.base_url}{_PATH}", connection.tls)

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `Provider`."""
        key = self._key()
        try:
            return await self._complete(call, key)
        except GatewayError as error:
            if not self._renewed(error, key):
                raise
        return await self._complete(call, self._key())

    async def _complete(self, call: Call, key: Key | None) -> dict[str, Any]:
        octets = encode(self._body_of(call, stream=False))
        patience = call.patience
        async with self._client.post(octets, _headers(key), patience.connect, patience.first_byte) as response:
            whole = await response.read_all(patience.idle)
            return self._completion(response, whole)

    def _completion(self, response: HttpResponse, whole: bytes) -> dict[str, Any]:
        redactor = self._redactor
        completion = read_completion(response.status, response.headers, redactor.octets(whole), redactor.text)
        return remove_split_keys(completion, redactor.forms)

    async def stream(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """See `Provider`."""
        async with (
            aclosing(self._stream_with_key(call)) as chunks,
            aclosing(without_split_keys(chunks, self._redactor.forms)) as passed,
        ):
            async for chunk in passed:
                yield chunk

    async def _stream_with_key(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """With the key in force; a refused one is tried again only before the first chunk."""
        key = self._key()
        chunks = self._stream(call, key)
        try:
            first = await anext(chunks, None)  # None: a keep-alive, or the end of an empty stream
        except GatewayError as error:
            if not self._renewed(error, key):
                raise
            chunks = self._stream(call, self._key())
            first = await anext(chunks, None)
        try:
            yield first
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def _stream(self, call: Call, key: Key | None) -> AsyncGenerator[Chunk | None, None]:
        octets = encode(self._body_of(call, stream=True))
        patience = call.patience
        async with self._client.post(octets, _headers(key), patience.connect, patience.first_byte) as response:
            if response.status != OK or "json" in _content_type(response):
                self._refuse(response, await response.read_all(patience.idle))
            async for chunk in self._chunks(response, call):
                yield chunk

    async def _chunks(self, response: HttpResponse, call: Call) -> AsyncGenerator[Chunk | None, None]:
        clock, ends = _StreamClock(call), StreamEnds(call.fields.get("n") or 1)
        async with aclosing(self._events(response, clock)) as events:
            async for event in events:
                if event is None:
                    yield None
                    continue
                clock.note_event()
                if event.data.upper() == DONE:
                    await response.finish()  # the end of the body often comes on its own
                    return
                chunk = read_chunk(self._redactor.text(event.data), self._redactor.text, event.name)
                for choice in chunk.get("choices") or ():
                    ends.note(choice)
                yield chunk
        if not ends.complete:
            raise ProviderFailed("provider_cut", "the provider's stream ended before the answer was complete")

    async def _events(self, response: HttpResponse, clock: _StreamClock) -> AsyncGenerator[Event | None, None]:
        """The events of a body, whatever its content type says: OpenAI's clients do not look at that either."""
        reader, begun, head = EventReader(), False, b""
        while part := await response.read(*clock.next_wait()):
            clock.note_bytes()
            found = reader.feed(part)
            begun = begun or bool(found)
            head = b"" if begun else (head + part)[:_MAX_HEAD_BYTES]
            for event in found:
                yield event
        for event in reader.end():
            begun = True
            if event is None or is_whole(*event):
                yield event
        if not begun and (
            head.strip() or "event-stream" not in _content_type(response)
        ):  # an error in another form, or a page
            self._refuse(response, head)

    def _refuse(self, response: HttpResponse, whole: bytes) -> NoReturn:
        """Raise the error in a body that is not a stream of events."""
        self._completion(response, whole)
        raise malformed("provider_malformed", "it is not the stream that was requested")

    def _renewed(self, error: GatewayError, used: Key | None) -> bool:
        """Whether the key was refused and has been replaced meanwhile: then the call is worth another try."""
        if error.type != _KEY_REFUSED or self._keyring is None or used is None:
            return False
        self._keyring.refresh()
        return self._keyring.current is not None and self._keyring.current.version != used.version

    def _key(self) -> Key | None:
        if self._keyring is None:
            return None
        if self._keyring.current is None:
            self._keyring.refresh()
        if self._keyring.current is None:
            message = f"the gateway has no provider key: {self._keyring.field} is missing; the provider was not called"
            raise NotConfigured("key_missing", message, unbilled=True)
        return self._keyring.current

    async def close(self) -> None:
        """See `Provider`."""
        await self._client.aclose()


def _content_type(response: HttpResponse) -> str:
    return response.headers.get("content-type", "").lower()


def _headers(key: Key | None) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {key.secret.reveal()}"} if key else {}
    # No coding saves anything here that it does not cost. Without this header, every coding would be acceptable
    # (RFC 9110, 12.5.3); gzip and deflate are decoded anyway.
    return {"content-type": "application/json", "accept-encoding": "identity", **bearer}


class _StreamClock:
    """How long the next part of a stream may take: bytes keep the connection alive, only events are progress.

    The time between a part and the next read is the reader's, not the provider's: a caller that reads slowly holds up
    a provider that has long sent more.
    """

    def __init__(self, call: Call) -> None:
        self._patience = call.patience
        self._now = asyncio.get_running_loop().time
        self._begun = False
        self._last_event = self._last_bytes = self._now()

    def note_bytes(self) -> None:
        """A part came."""
        self._last_bytes = self._now()

    def note_event(self) -> None:
        """It had an event."""
        self._begun = True
        self._last_event = self._last_bytes

    def next_wait(self) -> tuple[float, str, str]:
        """Seconds, the type of the error when they are over, and what did not come, for the message."""
        patience = self._patience
        now = self._now()
        self._last_event += now - self._last_bytes
        self._last_bytes = now
        limit = patience.progress if self._begun else patience.first_byte or patience.progress
        type_ = "provider_stalled" if self._begun else "provider_first_byte"
        left = self._last_event + limit - now
        if left <= 0:
            raise TimedOut(type_, f"the provider sent only keep-alives for {limit:g} s; the call was given up")
        return (left, type_, "content") if left < patience.idle else (patience.idle, "provider_idle", "byte")
