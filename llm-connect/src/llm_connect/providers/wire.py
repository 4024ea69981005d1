"""HTTP to a provider: one POST, its status and headers, its body in pieces; every failure as the documented error.

On pyreqwest (docs/adr/0016). What its errors are called is tested against real sockets (tests/test_error_mapping.py).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectTimeoutError, DetailedPyreqwestError, NetworkError, PyreqwestError

from llm_connect.faults import GatewayError, ProviderFailed, TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pyreqwest.request import StreamRequest

_SMALL_BYTES = 16 * 1024
MAX_ANSWER_BYTES = 16 * 1024 * 1024
_NO_CONNECTION = ("tcp connect error", "dns error", "timed out", "tunnel error")
_IDLE_IN_POOL = timedelta(seconds=30)


@dataclass
class Answer:
    """An answer whose body is still to be read; `_reader` is pyreqwest's."""

    status: int
    headers: Mapping[str, str]
    _reader: Any

    async def piece(self, seconds: float | None, type_: str, what: str) -> bytes:
        """The next piece of the body, empty at its end.

        Args:
            seconds: how long to wait for it; None has no limit.
            type_: the type of the error when that is over.
            what: what did not come, in words.

        Raises:
            GatewayError: it does not come, or the connection ends before the body is whole.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._next()
        except TimeoutError:
            message = f"the provider gave no {what} for {seconds:g} s; the call was given up"
            raise TimedOut(type_, message) from None

    async def _next(self) -> bytes:
        return await self._heeding(self._reader.read_chunk())

    async def _heeding(self, reading: Awaitable[Any]) -> bytes:
        try:
            octets = await reading
        except PyreqwestError:
            raise ProviderFailed("provider_cut", "the provider's answer ended before it was whole") from None
        _heed_cancellation()
        return b"" if octets is None else bytes(octets)

    def _announced(self) -> float:
        """The length of the body in bytes; without a word no limit."""
        length = self.headers.get("content-length")
        return int(length) if length and length.isdecimal() else float("inf")

    async def whole(self, idle_seconds: float) -> bytes:
        """The whole body.

        One that is announced as small is waited for once: each piece is a way to pyreqwest's thread and back.

        Args:
            idle_seconds: how long to wait for the next piece, or for all of a small one.

        Raises:
            GatewayError: as `piece`, or it is larger than MAX_ANSWER_BYTES.
        """
        clock = asyncio.get_running_loop().time
        small = self._announced() <= _SMALL_BYTES
        try:
            # One for all pieces: making a timeout costs as much as reading a piece.
            async with asyncio.timeout(idle_seconds) as idle:
                if small:
                    return await self._heeding(self._reader.bytes())
                return await self._all(lambda: idle.reschedule(clock() + idle_seconds))
        except TimeoutError:
            said = "did not end the answer that it began within" if small else "gave no byte for"
            message = f"the provider {said} {idle_seconds:g} s; the call was given up"
            raise TimedOut("provider_idle", message) from None

    async def _all(self, progressed: Callable[[], None]) -> bytes:
        parts: list[bytes] = []
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                message = f"the provider's answer is larger than {MAX_ANSWER_BYTES} bytes; reading was given up"
                raise ProviderFailed("provider_too_large", message, provider_status=self.status)
            parts.append(piece)
            progressed()
        return b"".join(parts)


class Posted:
    """A request as a context: its answer, until it is left."""

    def __init__(self, request: StreamRequest, first_byte_seconds: float | None) -> None:
        self._request = request
        self._first_byte_seconds = first_byte_seconds

    async def __aenter__(self) -> Answer:
        seconds = self._first_byte_seconds
        try:
            if seconds is None:
                response = await self._request.__aenter__()
            else:
                async with asyncio.timeout(seconds):
                    response = await self._request.__aenter__()
                    _heed_cancellation()
        except TimeoutError as error:
            raise _no_answer_in_time(error, seconds) from None
        except PyreqwestError as error:
            raise transport_error(error) from None
        _heed_cancellation()
        return Answer(response.status, response.headers, response.body_reader)

    async def __aexit__(self, *_: object) -> None:
        await self._request.__aexit__(None, None, None)


class Wire:
    """The connections to one provider. Redirects are not followed: they would carry the key to an undeclared address.

    Args:
        authorities: those that are accepted beside the system's, in PEM.
    """

    def __init__(self, authorities: bytes | None = None) -> None:
        self._authorities = authorities
        self._clients: dict[float, Client] = {}

    def _client(self, connect_seconds: float) -> Client:
        if connect_seconds not in self._clients:
            builder = ClientBuilder().no_proxy().follow_redirects(False).http1_only().gzip(False)
            builder = builder.connect_timeout(timedelta(seconds=connect_seconds)).pool_idle_timeout(_IDLE_IN_POOL)
            builder = builder.default_cookie_store(False).tcp_nodelay(True)
            if self._authorities:
                builder = builder.add_root_certificate_pem(self._authorities)
            self._clients[connect_seconds] = builder.build()
        return self._clients[connect_seconds]

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_seconds: float,
        first_byte_seconds: float | None,
    ) -> Posted:
        """Send a request; leaving the context before the body is read closes the connection.

        Raises:
            GatewayError: no connection, no answer, or none within `first_byte_seconds`.
        """
        builder = self._client(connect_seconds).post(url).body_bytes(body)
        for name, value in headers.items():
            builder = builder.header(name, value, is_sensitive=name == "authorization")
        # Else it would read ahead up to 64 KiB before it gives the answer out: no event would come while it is new.
        return Posted(builder.streamed_read_buffer_limit(0).build_streamed(), first_byte_seconds)

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


def _heed_cancellation() -> None:
    """After each wait for pyreqwest.

    A cancellation that comes while it has its result ready is swallowed by it, one in fifty with a busy stream: a
    caller that left, or a deadline, would then be forgotten (tests/test_wire.py).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _no_answer_in_time(error: TimeoutError, seconds: float | None) -> GatewayError:
    if isinstance(error, PyreqwestError):  # pyreqwest's own timeouts are TimeoutErrors too
        return transport_error(error)
    return TimedOut("provider_first_byte", f"the provider began no answer within {seconds:g} s; the call was given up")


def transport_error(error: PyreqwestError) -> ProviderFailed:
    """The documented error, without its cause: a library may keep the request's headers in it."""
    causes = _causes(error)
    # Not by its class alone: a connection that is reset after the request went out is a ConnectError too.
    if "client error (connect)" in causes or isinstance(error, ConnectTimeoutError):
        return _not_connected(causes, timed_out=isinstance(error, ConnectTimeoutError))
    if isinstance(error, NetworkError) or "closed before message completed" in causes or "reset" in causes:
        message = "the provider closed the connection without an answer; whether it served the request is unknown"
        return ProviderFailed("provider_reset", message)
    return ProviderFailed("provider_malformed", "the provider's answer is not valid HTTP")


def _not_connected(causes: str, *, timed_out: bool) -> ProviderFailed:
    if timed_out or any(cause in causes for cause in _NO_CONNECTION):
        return ProviderFailed("provider_unreachable", "the provider cannot be reached; nothing was sent", unbilled=True)
    message = "the provider's certificate was not accepted, or it speaks no TLS; nothing was sent"
    return ProviderFailed("provider_tls", message, unbilled=True)


def _causes(error: PyreqwestError) -> str:
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return " ".join(cause["message"] for cause in causes or ()).lower()
