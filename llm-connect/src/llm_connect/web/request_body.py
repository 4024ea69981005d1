"""Reads the JSON body of a request: within its size and time, within the memory for bodies, and one caller at a time.

Reading JSON holds the event loop, a large document for some hundredths of a second. So large ones are read one after
the other, the callers in turn, and whatever else is due comes in between.
"""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from llm_connect.common import strict_json
from llm_connect.common.errors import BadRequest, GatewayError, TooLarge, TooSlow
from llm_connect.common.fair_slots import FairSlots
from llm_connect.web import body_coding
from llm_connect.web.body_memory import VALUE_BYTES, BodyMemory, Holding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_connect.web.exchange import Exchange

_BODY_SECONDS = 60
_SMALL_BYTES, _FEW_VALUES = 16 * 1024, 500
"""What is read at once."""
_PAUSE_SECONDS = 0.005
"""After each large document: the server's own threads need the interpreter, too, to hand over what came meanwhile."""
_ANY_NUMBER = 1_000_000
_MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""A client that is still sending does not read. Up to here a body that is refused is read and discarded, so that the
client gets its answer instead of a reset."""


class RequestBodies:
    """The bodies of all requests.

    Args:
        max_body_bytes: how large one may be.
        several: whether there are several callers, so that one of them may not have all of the memory.
    """

    def __init__(self, max_body_bytes: int, *, several: bool) -> None:
        self._limit = max_body_bytes
        self._memory = BodyMemory(max_body_bytes, several=several)
        self._turns = FairSlots(1, 1, _ANY_NUMBER, _ANY_NUMBER)

    async def json(self, exchange: Exchange) -> Any:
        """The JSON document in the body.

        Raises:
            BadRequest: it is not valid JSON, or not encoded as it says.
            UnsupportedMedia, UnsupportedTransfer: another media type or coding.
            TooLarge: it has too many bytes or values.
            Unavailable: there is no memory for it.
            asyncio.CancelledError: the body is not complete within a minute; `overdue` is a TooSlow then.
        """
        exchange.limit(exchange.arrived + _BODY_SECONDS, _body_slow)
        exchange.holding = holding = Holding(self._memory)
        octets = await self._octets(exchange, holding)
        encoded = body_coding.is_encoded(exchange.headers)
        async with self._turn(exchange, at_once=not encoded and _is_small(octets)):
            if encoded:
                octets = body_coding.decode(octets, exchange.headers, self._limit)
                holding.grow(exchange.caller, len(octets))
            return _read(octets, exchange, holding)

    @asynccontextmanager
    async def _turn(self, exchange: Exchange, *, at_once: bool) -> AsyncGenerator[None, None]:
        if at_once:
            yield
            return
        async with self._turns.slot(exchange.caller):
            yield
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _octets(self, exchange: Exchange, holding: Holding) -> bytes:
        body = bytearray()  # a list would take 40 bytes more for each part, which may have one
        size, more = 0, True
        announced = _content_length(exchange)
        refused = body_coding.refusal(exchange.headers) or self._too_large(announced)
        if refused is not None and body_coding.waits_for_continue(exchange.headers):
            raise refused  # it is not sent then, and the server closes the connection
        # A server may say only after the last part that it was the last one; the announced length says so before.
        while more and size != announced and size <= _MAX_DISCARDED_BYTES:
            message = await exchange.receive()
            if message["type"] == "http.disconnect":
                exchange.gone = True  # nobody reads the answer; the type keeps the log from calling it our fault
                raise BadRequest("body_cut", "the caller left before the body was complete")
            part = message.get("body", b"")
            size += len(part)
            more = message.get("more_body", False)
            refused = refused or self._problem(exchange, holding, size, len(part))
            if refused is None:
                body += part
            else:
                body.clear()
        if refused is not None:
            raise refused
        return bytes(body)

    def _problem(self, exchange: Exchange, holding: Holding, size: int, more: int) -> GatewayError | None:
        """Why the next bytes of a body are not kept; None if they are."""
        refused: GatewayError | None = self._too_large(size)
        try:
            if refused is None:
                holding.grow(exchange.caller, more)
        except GatewayError as error:
            refused = error
        if refused is not None:
            holding.release()
        return refused

    def _too_large(self, size: int) -> TooLarge | None:
        if size <= self._limit:
            return None
        return TooLarge("body_too_large", f"the body is larger than {self._limit} bytes; nothing was called")


def _is_small(octets: bytes) -> bool:
    """Each value that is not the first in something has a comma before it."""
    return len(octets) <= _SMALL_BYTES and octets.count(b",") <= _FEW_VALUES


def _read(octets: bytes, exchange: Exchange, holding: Holding) -> Any:
    octets = octets.removeprefix(BOM_UTF8)  # a parser may ignore it (RFC 8259, 8.1)
    try:
        counted = strict_json.count(octets)
        holding.grow(exchange.caller, counted.values * VALUE_BYTES)
        return strict_json.read(octets, counted)
    except strict_json.TooManyValues:
        message = f"the body has more than {strict_json.MAX_VALUES} values; nothing was called"
        raise TooLarge("too_many_values", message) from None
    except strict_json.NotJson as error:
        raise BadRequest("invalid_json", f"the body is not valid JSON: {_encoding_problem(octets) or error}") from None


def _encoding_problem(octets: bytes) -> str | None:
    """Where it is not UTF-8; a charset in the content type does not change that (RFC 8259, 11)."""
    try:
        octets.decode()
    except UnicodeDecodeError as error:
        return f"it is not valid UTF-8 (byte {error.start + 1})"
    return None


def _content_length(exchange: Exchange) -> int:
    text = exchange.headers.get(b"content-length", b"")
    return int(text) if text.isdigit() else -1


def _body_slow() -> GatewayError:
    return TooSlow("body_slow", f"the body was not complete within {_BODY_SECONDS} s; nothing was called")
