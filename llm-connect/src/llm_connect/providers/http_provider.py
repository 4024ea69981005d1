"""A provider that is asked over HTTP, in its own dialect, with the key in force."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import GatewayError, NotConfigured, ProviderFailed, TimedOut
from llm_connect.common.json_encoding import encode
from llm_connect.providers.answers import OK, Ends, malformed, read_chunk, read_completion
from llm_connect.providers.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_connect.common.secret import Redactor
    from llm_connect.keys.keyring import Key, Keyring
    from llm_connect.providers.dialects import Dialect
    from llm_connect.providers.http_client import Answer, Wire
    from llm_connect.providers.port import Call, Chunk

_KEY_REFUSED = "provider_key_refused"
_END = "[DONE]"


class HttpProvider:
    """See `Provider`; `ring` is None where it takes no key."""

    def __init__(self, name: str, dialect: Dialect, wire: Wire, *, ring: Keyring | None, redactor: Redactor) -> None:
        self.name = name
        self.refuses = dialect.refuses
        self._dialect = dialect
        self._wire = wire
        self._ring = ring
        self._redactor = redactor

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
        octets = encode(self._dialect.body(call, stream=False))
        patience = call.patience
        async with self._wire.post(octets, _headers(key), patience.connect, patience.first_byte) as answer:
            whole = await answer.whole(patience.idle)
            return read_completion(answer.status, answer.headers, self._redactor.octets(whole))

    async def stream(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """See `Provider`; only before the first chunk is a refused key tried again."""
        key = self._key()
        chunks = self._stream(call, key)
        try:
            first = await anext(chunks, None)  # where there is none, a sign of life, and the end after it
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
        octets = encode(self._dialect.body(call, stream=True))
        patience = call.patience
        async with self._wire.post(octets, _headers(key), patience.connect, patience.first_byte) as answer:
            if answer.status != OK or "text/event-stream" not in answer.headers.get("content-type", "").lower():
                whole = self._redactor.octets(await answer.whole(patience.idle))
                read_completion(answer.status, answer.headers, whole)
                raise malformed("provider_malformed", "a stream was asked for, and it is none")
            async for chunk in self._chunks(answer, call):
                yield chunk

    async def _chunks(self, answer: Answer, call: Call) -> AsyncGenerator[Chunk | None, None]:
        reader, clock, ends = EventReader(), _Progress(call), Ends(call.fields.get("n") or 1)
        while piece := await answer.piece(*clock.wait()):
            clock.came()
            for data in reader.feed(piece):
                if data is None:
                    yield None
                    continue
                clock.progressed()
                if data == _END:
                    await answer.end()  # often its last chunk comes by itself
                    return
                chunk = read_chunk(self._redactor.text(data))
                for choice in chunk.get("choices") or ():
                    ends.note(choice)
                yield chunk
        if not ends.whole:
            raise ProviderFailed("provider_cut", "the provider's stream ended before the answer was whole")

    def _renewed(self, error: GatewayError, used: Key | None) -> bool:
        """Whether the key was refused, and another one has come meanwhile: then it is worth asking once more."""
        if error.type != _KEY_REFUSED or self._ring is None or used is None:
            return False
        self._ring.look()
        return self._ring.current is not None and self._ring.current.version != used.version

    def _key(self) -> Key | None:
        if self._ring is None:
            return None
        if self._ring.current is None:
            self._ring.look()
        if self._ring.current is None:
            message = f"the gateway has no provider key: {self._ring.field} is missing; the provider was not called"
            raise NotConfigured("key_missing", message, unbilled=True)
        return self._ring.current

    async def close(self) -> None:
        """See `Provider`."""
        self._wire.close()


def _headers(key: Key | None) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {key.secret.reveal()}"} if key else {}
    return {"content-type": "application/json", **bearer}


class _Progress:
    """How long the next piece of a stream may take: bytes keep the connection alive, only events are progress.

    What passes between a piece and the question for the next one is the reader's time and not the provider's: a caller
    that reads slowly holds up a provider that has long gone on.
    """

    def __init__(self, call: Call) -> None:
        self._patience = call.patience
        self._clock = asyncio.get_running_loop().time
        self._begun = False
        self._last = self._came = self._clock()

    def came(self) -> None:
        """A piece."""
        self._came = self._clock()

    def progressed(self) -> None:
        """There was an event in it."""
        self._begun = True
        self._last = self._came

    def wait(self) -> tuple[float, str, str]:
        """Seconds, the type of the error when they are over, and what did not come, in words."""
        patience = self._patience
        now = self._clock()
        self._last += now - self._came
        self._came = now
        limit = patience.progress if self._begun else patience.first_byte or patience.progress
        type_ = "provider_stalled" if self._begun else "provider_first_byte"
        left = self._last + limit - now
        if left <= 0:
            raise TimedOut(
                type_, f"the provider sent signs of life and no content for {limit:g} s; the call was given up"
            )
        return (left, type_, "content") if left < patience.idle else (patience.idle, "provider_idle", "byte")
