"""HTTP to a provider: one POST, its status and headers, its body in pieces; every failure as the documented error.

The client is ours, for what it takes off a request (docs/adr/0026): `llm_connect.http_client`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_connect.common.errors import GatewayError, ProviderFailed, TimedOut
from llm_connect.http_client.connection import Ended, Malformed
from llm_connect.http_client.pool import Pool, Unreachable, Untrusted
from llm_connect.providers.port import UNSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.http_client.connection import Connection

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_LAST_PIECES, _LAST_SECONDS = 2, 0.05


class Answer:
    """An answer whose body is still to be read.

    Attributes:
        status: of HTTP.
        headers: with lower-case names.
    """

    def __init__(self, connection: Connection) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection

    async def piece(self, seconds: float, type_: str, what: str) -> bytes:
        """The next piece of the body, empty at its end.

        Args:
            seconds: how long to wait for it.
            type_: the type of the error when that is over.
            what: what did not come, in words.

        Raises:
            GatewayError: it does not come, or the connection ends before the body is whole.
        """
        try:
            return await self._connection.read(seconds)
        except TimeoutError:
            message = f"the provider gave no {what} for {seconds:g} s; the call was given up"
            raise TimedOut(type_, message) from None
        except (Ended, Malformed):
            raise ProviderFailed("provider_cut", "the provider's answer ended before it was whole") from None

    async def end(self) -> None:
        """Wait a moment for the end of the body, whose content is known to be over: the connection can be kept then."""
        with suppress(TimeoutError, Ended, Malformed):
            for _ in range(_LAST_PIECES):
                if not await self._connection.read(_LAST_SECONDS):
                    return

    async def whole(self, idle_seconds: float) -> bytes:
        """The whole body.

        Args:
            idle_seconds: how long to wait for each next piece.

        Raises:
            GatewayError: as `piece`, or it is larger than MAX_ANSWER_BYTES.
        """
        parts: list[bytes] = []
        size = 0
        while piece := await self.piece(idle_seconds, "provider_idle", "byte"):
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                message = f"the provider's answer is larger than {MAX_ANSWER_BYTES} bytes; reading was given up"
                raise ProviderFailed("provider_too_large", message, provider_status=self.status)
            parts.append(piece)
        return b"".join(parts)


class Posted:
    """A request as a context: its answer, until it is left."""

    def __init__(
        self, pool: Pool, octets: bytes, body: bytes, connect_seconds: float, first_byte_seconds: float | None
    ) -> None:
        self._pool = pool
        self._octets = octets
        self._body = body
        self._connect_seconds = connect_seconds
        self._first_byte_seconds = first_byte_seconds

    async def __aenter__(self) -> Answer:
        try:
            self._connection = connection = await self._pool.take(self._connect_seconds)
        except (Unreachable, Untrusted) as error:
            raise _not_connected(error) from None
        except asyncio.CancelledError as given_up:
            given_up.add_note(UNSENT)  # not by a class of its own, which asyncio.timeout does not take for its own
            raise
        try:
            connection.ask(self._octets, self._body)
            await connection.head(self._first_byte_seconds)
        except BaseException as error:
            connection.abort()
            if isinstance(error, TimeoutError | Ended | Malformed):
                raise self._no_answer(error) from None
            raise
        return Answer(connection)

    def _no_answer(self, error: TimeoutError | Ended | Malformed) -> GatewayError:
        if isinstance(error, Malformed):
            return ProviderFailed("provider_malformed", "the provider's answer is not valid HTTP")
        if isinstance(error, Ended):
            message = "the provider closed the connection without an answer; whether it served the request is unknown"
            return ProviderFailed("provider_reset", message)
        message = f"the provider began no answer within {self._first_byte_seconds:g} s; the call was given up"
        return TimedOut("provider_first_byte", message)

    async def __aexit__(self, *_: object) -> None:
        self._pool.give(self._connection)


class Wire:
    """The way to one server. Redirects are not followed: they would carry the key to an undeclared address.

    Args:
        url: where requests are posted.
        authorities: PEM; they are accepted beside the system's.

    Raises:
        ValueError: the authorities hold no certificate.
    """

    def __init__(self, url: str, authorities: bytes | None = None) -> None:
        self._pool = Pool(url, authorities)

    def post(
        self, body: bytes, headers: Mapping[str, str], connect_seconds: float, first_byte_seconds: float | None
    ) -> Posted:
        """Send a request; leaving the context before the body is read closes the connection.

        Raises:
            GatewayError: no connection, no answer, or none within `first_byte_seconds`.
        """
        octets = self._pool.head(headers, len(body))
        return Posted(self._pool, octets, body, connect_seconds, first_byte_seconds)

    def close(self) -> None:
        """Close every connection that is kept."""
        self._pool.close()


def _not_connected(error: Unreachable | Untrusted) -> ProviderFailed:
    if isinstance(error, Unreachable):
        return ProviderFailed("provider_unreachable", "the provider cannot be reached; nothing was sent", unbilled=True)
    message = "the provider's certificate was not accepted, or it speaks no TLS; nothing was sent"
    return ProviderFailed("provider_tls", message, unbilled=True)
